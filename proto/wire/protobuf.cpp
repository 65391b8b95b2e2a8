#include "proto/wire/protobuf.hpp"

#include <limits>

#include "proto/base/invariant.hpp"
#include "proto/schema/evidence.pb.h"
#include "proto/schema/stegos.pb.h"

namespace hotside::wire {
namespace {

// Both lengths are fixed by the chain's rules. The id does not cover the border between the fields,
// so that other lengths could show one output in two forms.
constexpr std::size_t kRangeProof = 672;
constexpr std::size_t kPayload = 1024;

// ---- from the chain's messages
// -------------------------------------------------------------------

Bytes to_bytes(std::string const& data) {
  auto const view = as_bytes(data);
  return Bytes(view.begin(), view.end());
}

template <class Bits>
std::string to_bit_text(Bits const& bits) {
  std::string text;
  text.reserve(static_cast<std::size_t>(bits.size()));
  for (bool const bit : bits) text.push_back(bit ? '1' : '0');
  return text;
}

// Reads on after a wrong field, with a value in its place, and remembers the first problem.
class Decoder {
 public:
  template <class Message>
  Message parse(ByteView bytes) {
    Message message;
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      refuse("not a protobuf message");
    return message;
  }
  void refuse(std::string what, char const* reason = "protobuf") {
    if (!problem_) problem_ = Error{Fault::peer, std::move(what), reason};
  }
  template <class T>
  Result<T> result(char const* what, T value) const {
    if (problem_) return fail(problem_->fault, what + (": " + problem_->what), problem_->reason);
    return value;
  }

  template <class Fixed>
  Fixed fixed(std::string const& data, char const* name) {
    auto const value = Fixed::from_bytes(as_bytes(data));
    if (!value) refuse(std::string(name) + " is missing or of a wrong length");
    return value.value_or(Fixed{});
  }

  PublicKey read(stegos::PublicKey const& key) {
    return fixed<PublicKey>(key.point().data(), "public key");
  }
  BlsKey read(stegos::SecurePublicKey const& key) {
    return fixed<BlsKey>(key.point().data(), "network key");
  }
  BlsSignature read(stegos::SecureSignature const& signature) {
    return fixed<BlsSignature>(signature.point().data(), "signature");
  }
  Hash read(stegos::Hash const& hash) { return fixed<Hash>(hash.data(), "hash"); }
  Scalar read(stegos::Fr const& scalar) { return fixed<Scalar>(scalar.data(), "scalar"); }
  Point read(stegos::Pt const& point) { return fixed<Point>(point.data(), "point"); }
  RawVrf read(stegos::VRF const& vrf) {
    return {read(vrf.rand()), fixed<BlsSignature>(vrf.proof().data(), "VRF proof")};
  }

  RawOutput read(stegos::PaymentOutput const& from) {
    RawPaymentOutput to{read(from.recipient()), read(from.proof().vcmt()),
                        to_bytes(from.proof().proof()), read(from.ag()), to_bytes(from.payload())};
    if (to.proof.size() != kRangeProof) refuse("range proof is of a wrong length");
    if (to.payload.size() != kPayload) refuse("payload is of a wrong length");
    return to;
  }

  RawOutput read(stegos::PublicPaymentOutput const& from) {
    return RawPublicOutput{read(from.recipient()), from.serno(), from.amount()};
  }

  RawOutput read(stegos::StakeOutput const& from) {
    return RawStakeOutput{read(from.recipient()), read(from.validator()), from.amount(),
                          from.serno(), read(from.signature())};
  }

  RawOutput read(stegos::Output const& from) {
    switch (from.output_case()) {
      case stegos::Output::kPaymentOutput:
        return read(from.payment_output());
      case stegos::Output::kPublicPaymentOutput:
        return read(from.public_payment_output());
      case stegos::Output::kStakeOutput:
        return read(from.stake_output());
      case stegos::Output::OUTPUT_NOT_SET:
        break;
    }
    refuse("an output of no known kind");
    return {};
  }

  template <class Messages>
  auto read_all(Messages const& messages) {
    std::vector<decltype(read(*messages.begin()))> values;
    values.reserve(static_cast<std::size_t>(messages.size()));
    for (auto const& message : messages) values.push_back(read(message));
    return values;
  }

  RawMicroHeader read(stegos::MicroBlockHeader const& from) {
    RawMicroHeader to;
    to.version = from.version();
    to.previous = read(from.previous());
    to.epoch = from.epoch();
    to.offset = from.offset();
    to.view_change = from.view_change();
    if (from.has_view_change_proof())
      to.view_change_proof = RawViewChangeProof{to_bit_text(from.view_change_proof().multimap()),
                                                read(from.view_change_proof().multisig())};
    to.pkey = read(from.pkey());
    to.random = read(from.random());
    to.solution = to_bytes(from.solution());
    to.timestamp_ns = from.timestamp();
    to.transactions_len = from.transactions_len();
    to.transactions_root = read(from.transactions_range_hash());
    to.inputs_len = from.inputs_len();
    to.inputs_root = read(from.inputs_range_hash());
    to.outputs_len = from.outputs_len();
    to.outputs_root = read(from.outputs_range_hash());
    to.canaries_root = read(from.canaries_range_hash());
    return to;
  }

  RawMacroHeader read(stegos::MacroBlockHeader const& from) {
    RawMacroHeader to;
    to.version = from.version();
    to.previous = read(from.previous());
    to.epoch = from.epoch();
    to.view_change = from.view_change();
    to.pkey = read(from.pkey());
    to.random = read(from.random());
    to.difficulty = from.difficulty();
    to.timestamp_ns = from.timestamp();
    to.block_reward = from.block_reward();
    to.gamma = read(from.gamma());
    to.activity_map = to_bit_text(from.activity_map());
    to.validators_len = from.validators_len();
    to.validators_root = read(from.validators_range_hash());
    to.inputs_len = from.inputs_len();
    to.inputs_root = read(from.inputs_range_hash());
    to.outputs_len = from.outputs_len();
    to.outputs_root = read(from.outputs_range_hash());
    to.canaries_root = read(from.canaries_range_hash());
    return to;
  }

  RawTransaction read(stegos::Transaction const& from) {
    switch (from.transaction_case()) {
      case stegos::Transaction::kCoinbaseTransaction: {
        auto const& tx = from.coinbase_transaction();
        return RawCoinbase{tx.block_reward(), tx.block_fee(), read(tx.gamma()),
                           read_all(tx.txouts())};
      }
      case stegos::Transaction::kPaymentTransaction: {
        auto const& tx = from.payment_transaction();
        return RawPayment{read_all(tx.txins()), read_all(tx.txouts()), read(tx.gamma()), tx.fee(),
                          read(tx.sig().u()),   read(tx.sig().k())};
      }
      case stegos::Transaction::kRestakeTransaction: {
        auto const& tx = from.restake_transaction();
        return RawRestake{read_all(tx.txins()), read_all(tx.txouts()), read(tx.signature())};
      }
      case stegos::Transaction::kSlashingTransaction: {
        auto const& tx = from.slashing_transaction();
        return RawSlashing{read(tx.proof().block1().header()), read(tx.proof().block2().header()),
                           true, read_all(tx.txins()), read_all(tx.txouts())};
      }
      case stegos::Transaction::kServiceAwardTransaction:
        refuse("a service award, which is never sent nor in a micro block", "service_award");
        return {};
      case stegos::Transaction::TRANSACTION_NOT_SET:
        break;
    }
    refuse("a transaction of no known kind");
    return {};
  }

  RawMacroBlock read(stegos::MacroBlock const& from) {
    RawMacroBlock to;
    to.header = read(from.header());
    to.multisig = read(from.multisig());
    to.multisigmap = to_bit_text(from.multisigmap());
    to.inputs = read_all(from.inputs());
    to.outputs = read_all(from.outputs());
    return to;
  }

 private:
  std::optional<Error> problem_;
};

// ---- to the chain's messages
// ---------------------------------------------------------------------

template <class View>
std::string to_data(View const& bytes) {
  return std::string(reinterpret_cast<char const*>(bytes.data()), bytes.size());
}

void write(PublicKey const& from, stegos::PublicKey& to) {
  to.mutable_point()->set_data(to_data(from.bytes));
}
void write(BlsKey const& from, stegos::SecurePublicKey& to) {
  to.mutable_point()->set_data(to_data(from.bytes));
}
void write(BlsSignature const& from, stegos::SecureSignature& to) {
  to.mutable_point()->set_data(to_data(from.bytes));
}
void write(Hash const& from, stegos::Hash& to) { to.set_data(to_data(from.bytes)); }
void write(Scalar const& from, stegos::Fr& to) { to.set_data(to_data(from.bytes)); }
void write(Point const& from, stegos::Pt& to) { to.set_data(to_data(from.bytes)); }

void write_kind(RawPaymentOutput const& from, stegos::Output& output) {
  auto& to = *output.mutable_payment_output();
  write(from.recipient, *to.mutable_recipient());
  write(from.vcmt, *to.mutable_proof()->mutable_vcmt());
  to.mutable_proof()->set_proof(to_data(from.proof));
  write(from.ag, *to.mutable_ag());
  to.set_payload(to_data(from.payload));
}

void write_kind(RawPublicOutput const& from, stegos::Output& output) {
  auto& to = *output.mutable_public_payment_output();
  write(from.recipient, *to.mutable_recipient());
  to.set_serno(from.serno);
  to.set_amount(from.amount);
}

void write_kind(RawStakeOutput const& from, stegos::Output& output) {
  auto& to = *output.mutable_stake_output();
  write(from.recipient, *to.mutable_recipient());
  write(from.validator, *to.mutable_validator());
  to.set_amount(from.amount);
  to.set_serno(from.serno);
  write(from.signature, *to.mutable_signature());
}

void write(RawOutput const& from, stegos::Output& to) {
  std::visit([&](auto const& kind) { write_kind(kind, to); }, from);
}

template <class Values, class Messages>
void write_all(Values const& values, Messages& messages) {
  messages.Reserve(static_cast<int>(values.size()));
  for (auto const& value : values) write(value, *messages.Add());
}

template <class Bits>
void write_bits(std::string const& text, Bits& bits) {
  for (char const bit : text) bits.Add(bit == '1');
}

void write_kind(RawCoinbase const& from, stegos::Transaction& transaction) {
  auto& to = *transaction.mutable_coinbase_transaction();
  to.set_block_reward(from.block_reward);
  to.set_block_fee(from.block_fee);
  write(from.gamma, *to.mutable_gamma());
  write_all(from.outputs, *to.mutable_txouts());
}

void write_kind(RawPayment const& from, stegos::Transaction& transaction) {
  auto& to = *transaction.mutable_payment_transaction();
  write_all(from.inputs, *to.mutable_txins());
  write_all(from.outputs, *to.mutable_txouts());
  write(from.gamma, *to.mutable_gamma());
  to.set_fee(from.fee);
  write(from.sig_u, *to.mutable_sig()->mutable_u());
  write(from.sig_k, *to.mutable_sig()->mutable_k());
}

void write_kind(RawRestake const& from, stegos::Transaction& transaction) {
  auto& to = *transaction.mutable_restake_transaction();
  write_all(from.inputs, *to.mutable_txins());
  write_all(from.outputs, *to.mutable_txouts());
  write(from.signature, *to.mutable_signature());
}

void write_kind(RawSlashing const&, stegos::Transaction&) {
  // Of its proof only the headers are kept, so the bytes could not be those of the chain.
  invariant(false, "a slashing transaction is never encoded");
}

void write(RawMacroHeader const& from, stegos::MacroBlockHeader& to) {
  to.set_version(from.version);
  write(from.previous, *to.mutable_previous());
  to.set_epoch(from.epoch);
  to.set_view_change(from.view_change);
  write(from.pkey, *to.mutable_pkey());
  write(from.random.rand, *to.mutable_random()->mutable_rand());
  to.mutable_random()->mutable_proof()->set_data(to_data(from.random.proof.bytes));
  to.set_difficulty(from.difficulty);
  to.set_timestamp(from.timestamp_ns);
  to.set_block_reward(from.block_reward);
  write(from.gamma, *to.mutable_gamma());
  write_bits(from.activity_map, *to.mutable_activity_map());
  to.set_validators_len(from.validators_len);
  write(from.validators_root, *to.mutable_validators_range_hash());
  to.set_inputs_len(from.inputs_len);
  write(from.inputs_root, *to.mutable_inputs_range_hash());
  to.set_outputs_len(from.outputs_len);
  write(from.outputs_root, *to.mutable_outputs_range_hash());
  write(from.canaries_root, *to.mutable_canaries_range_hash());
}

// ---- the codec
// -----------------------------------------------------------------------------------

template <class Message>
Bytes serialize(Message const& message) {
  Bytes bytes(message.ByteSizeLong());
  invariant(message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())),
            "a message of ours serializes");
  return bytes;
}

}  // namespace

Bytes encode_output(RawOutput const& output) {
  stegos::Output message;
  write(output, message);
  return serialize(message);
}

Result<RawOutput> decode_output(ByteView blob) {
  Decoder decoder;
  auto const message = decoder.parse<stegos::Output>(blob);
  auto output = decoder.read(message);
  return decoder.result("output", std::move(output));
}

Bytes public_payment_blob(RawPublicOutput const& output) { return encode_output(output); }

Bytes encode_transaction(RawTransaction const& tx) {
  stegos::Transaction message;
  std::visit([&](auto const& kind) { write_kind(kind, message); }, tx);
  return serialize(message);
}

Result<RawTransaction> decode_transaction(ByteView blob) {
  Decoder decoder;
  auto const message = decoder.parse<stegos::Transaction>(blob);
  auto tx = decoder.read(message);
  return decoder.result("transaction", std::move(tx));
}

Result<RawMacroBlock> decode_genesis(ByteView file) {
  Decoder decoder;
  auto const message = decoder.parse<stegos::Block>(file);
  if (!message.has_macro_block()) decoder.refuse("holds no macro block");
  auto block = decoder.read(message.macro_block());
  return decoder.result("genesis", std::move(block));
}

Bytes encode_evidence(RawMacroBlock const& block, Hash const& hash, bool exact_time) {
  hotside::MacroEvidence message;
  write(block.header, *message.mutable_block()->mutable_header());
  write(block.multisig, *message.mutable_block()->mutable_multisig());
  write_bits(block.multisigmap, *message.mutable_block()->mutable_multisigmap());
  for (auto const& validator : block.validators) {
    auto& to = *message.add_validators();
    write(validator.network_key, *to.mutable_network_key());
    write(validator.account_key, *to.mutable_account_key());
    to.set_slots(validator.slots);
  }
  message.set_exact_time(exact_time);
  write(hash, *message.mutable_block_hash());
  return serialize(message);
}

}  // namespace hotside::wire
