#include "proto/wire/block_check.hpp"

#include "proto/base/invariant.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::wire {
namespace {

// More validators than this would not fit their own rule: the slots are 1000 in all.
constexpr std::size_t kActivityLengthMax = 1000;

Result<void> check_list(MerkleTree const& tree, Commitment const& claimed, char const* name,
                        char const* reason) {
  if (tree.size() != claimed.length)
    return fail(Fault::peer,
                std::string(name) + ": " + std::to_string(tree.size()) +
                    " in the block, its header says " + std::to_string(claimed.length),
                "length");
  if (tree.root() != claimed.root)
    return fail(Fault::peer, std::string(name) + ": their Merkle root is not the header's", reason);
  return {};
}

Result<void> check_order(std::span<Hash const> ids, Hash const& next, char const* name) {
  if (!ids.empty() && !(ids.back() < next))
    return fail(Fault::peer, std::string(name) + ": not sorted by id, or one stands there twice",
                "order");
  return {};
}

Time block_time(std::uint64_t timestamp_ns) {
  return from_unix_ms(static_cast<std::int64_t>(timestamp_ns / 1'000'000));
}

std::vector<RawOutput> const& outputs_of(RawTransaction const& tx) {
  return std::visit(
      [](auto const& kind) -> auto const& { return kind.outputs; }, tx);
}

std::span<Hash const> inputs_of(RawTransaction const& tx) {
  return std::visit(
      [](auto const& kind) -> std::span<Hash const> {
        if constexpr (requires { kind.inputs; })
          return kind.inputs;
        else
          return {};
      },
      tx);
}

model::TxKind kind_of(RawTransaction const& tx) {
  struct Kind {
    model::TxKind operator()(RawCoinbase const&) const { return model::TxKind::coinbase; }
    model::TxKind operator()(RawPayment const&) const { return model::TxKind::payment; }
    model::TxKind operator()(RawRestake const&) const { return model::TxKind::restake; }
    model::TxKind operator()(RawSlashing const&) const { return model::TxKind::slashing; }
  };
  return std::visit(Kind{}, tx);
}

bool is_checkable(RawTransaction const& tx) {
  auto const* slashing = std::get_if<RawSlashing>(&tx);
  return slashing == nullptr || slashing->exact_times;
}

std::uint32_t count(std::vector<Hash> const& ids) { return static_cast<std::uint32_t>(ids.size()); }

// JSON drops the zeros at the end of the activity map, and the hash covers its length.
Result<void> settle_activity_map(RawMacroHeader& header, Hash const& claimed_hash,
                                 bool hash_is_checkable, std::uint32_t length) {
  auto& map = header.activity_map;
  if (length > map.size()) map.resize(length, '0');
  if (!hash_is_checkable || macro_block_hash(header) == claimed_hash) return {};
  for (bool const is_known = length != 0; !is_known && map.size() < kActivityLengthMax;) {
    map.push_back('0');
    if (macro_block_hash(header) == claimed_hash) return {};
  }
  return fail(Fault::peer, "macro block: its header does not hash to its hash", "block_hash");
}

}  // namespace

Result<void> OutputCheck::add(RawOutput const& output, std::optional<Hash> const& claimed) {
  Hash const id = output_id(output);
  if (claimed && *claimed != id)
    return fail(Fault::peer, "output " + claimed->hex() + ": hashes to " + id.hex(), "output_id");
  if (auto const* payment = std::get_if<RawPublicOutput>(&output))
    payments.push_back(
        {id, payment->recipient, payment->serno, Amount(payment->amount), count(ids)});
  ids.push_back(id);
  outputs_.add(id.view());
  canaries_.add(output_canary(output).view());
  return {};
}

Result<void> OutputCheck::finish(Commitment const& outputs, Hash const& canaries_root) const {
  HS_DO(check_list(outputs_, outputs, "outputs", "outputs_root"));
  return check_list(canaries_, {outputs.length, canaries_root}, "canaries", "canaries_root");
}

Result<void> MicroCheck::add(RawTransaction const& tx, Claims const& claims) {
  auto const& outputs = outputs_of(tx);
  invariant(claims.output_ids.empty() || claims.output_ids.size() == outputs.size(),
            "either every output comes with its claimed id or none does");
  model::Transaction entry;
  entry.kind = kind_of(tx);
  entry.input_begin = count(block_.inputs);
  for (auto const& id : inputs_of(tx)) {
    block_.inputs.push_back(id);
    inputs_.add(id.view());
  }
  entry.input_end = count(block_.inputs);
  entry.output_begin = count(outputs_.ids);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::optional<Hash> claimed;
    if (!claims.output_ids.empty()) claimed = claims.output_ids[i];
    HS_DO(outputs_.add(outputs[i], claimed));
  }
  entry.output_end = count(outputs_.ids);
  if (is_checkable(tx)) {
    entry.hash = tx_hash(tx);
    if (claims.tx_hash && *claims.tx_hash != *entry.hash)
      return fail(Fault::peer,
                  "transaction " + claims.tx_hash->hex() + ": hashes to " + entry.hash->hex(),
                  "tx_hash");
  } else {
    transactions_are_checkable_ = false;
  }
  transactions_.add(tx_full_hash(tx).view());
  block_.transactions.push_back(entry);
  return {};
}

Result<model::MicroBlock> MicroCheck::finish(RawMicroHeader const& header, Hash const& claimed_hash,
                                             bool hash_is_checkable) {
  HS_DO(check_list(inputs_, {header.inputs_len, header.inputs_root}, "inputs", "inputs_root"));
  HS_DO(outputs_.finish({header.outputs_len, header.outputs_root}, header.canaries_root));
  Commitment transactions{header.transactions_len, header.transactions_root};
  // A slashing proof whose times are cut cannot be hashed: then only the count is known.
  if (!transactions_are_checkable_) transactions.root = transactions_.root();
  HS_DO(check_list(transactions_, transactions, "transactions", "transactions_root"));
  if (hash_is_checkable && micro_block_hash(header) != claimed_hash)
    return fail(Fault::peer, "micro block: its header does not hash to its hash", "block_hash");
  block_.epoch = Epoch(header.epoch);
  block_.offset = Offset(header.offset);
  block_.hash = claimed_hash;
  block_.previous = header.previous;
  block_.time = block_time(header.timestamp_ns);
  block_.view_change = header.view_change;
  block_.outputs = std::move(outputs_.ids);
  block_.payments = std::move(outputs_.payments);
  return std::move(block_);
}

Result<void> MacroCheck::add_input(Hash const& id) {
  HS_DO(check_order(input_ids_, id, "inputs"));
  input_ids_.push_back(id);
  inputs_.add(id.view());
  return {};
}

Result<void> MacroCheck::add_output(RawOutput const& output, std::optional<Hash> const& claimed) {
  HS_DO(outputs_.add(output, claimed));
  std::span<Hash const> const ids(outputs_.ids);
  return check_order(ids.first(ids.size() - 1), ids.back(), "outputs");
}

Result<model::MacroBlock> MacroCheck::finish(RawMacroBlock head, Hash const& claimed_hash,
                                             bool hash_is_checkable,
                                             std::uint32_t activity_length) {
  auto& header = head.header;
  HS_DO(check_list(inputs_, {header.inputs_len, header.inputs_root}, "inputs", "inputs_root"));
  HS_DO(outputs_.finish({header.outputs_len, header.outputs_root}, header.canaries_root));
  if (!head.validators.empty()) {
    if (head.validators.size() != header.validators_len)
      return fail(Fault::peer, "validators: not as many as the header says", "length");
    if (validators_root(head.validators) != header.validators_root)
      return fail(Fault::peer, "validators: their Merkle root is not the header's",
                  "validators_root");
  }
  HS_DO(settle_activity_map(header, claimed_hash, hash_is_checkable, activity_length));
  model::MacroBlock block;
  block.epoch = Epoch(header.epoch);
  block.hash = claimed_hash;
  block.previous = header.previous;
  block.time = block_time(header.timestamp_ns);
  block.inputs = std::move(input_ids_);
  block.outputs = std::move(outputs_.ids);
  block.payments = std::move(outputs_.payments);
  block.evidence = encode_evidence(head, claimed_hash, hash_is_checkable);
  return block;
}

}  // namespace hotside::wire
