#include "proto/wire/block.hpp"

#include "proto/wire/block_check.hpp"
#include "proto/wire/json_cursor.hpp"

namespace hotside::wire {
namespace {

constexpr std::size_t kOutputBytesMax = std::size_t{1} << 20;
constexpr std::size_t kTransactionBytesMax = std::size_t{64} << 20;
constexpr std::size_t kValidatorsMax = 4096;

template <class Kind>
Kind& reuse(RawOutput& output) {
  auto* held = std::get_if<Kind>(&output);
  return held != nullptr ? *held : output.emplace<Kind>();
}

Result<void> too_large(char const* what) {
  return fail(Fault::peer, std::string(what) + ": larger than any", "size");
}

Result<void> broken(char const* what) {
  return fail(Fault::peer, std::string(what) + ": no JSON list", "json");
}

void read_payment(JsonFields& fields, std::string_view hrp, RawPaymentOutput& to) {
  to.recipient = fields.recipient("recipient", hrp);
  auto proof = fields.object("proof");
  to.vcmt = proof.reversed<Point>("vcmt");
  proof.bytes("proof", to.proof);
  fields.adopt(proof);
  to.ag = fields.reversed<Point>("ag");
  fields.byte_array("payload", to.payload);
}

void read_public(JsonFields& fields, std::string_view hrp, RawPublicOutput& to) {
  to.recipient = fields.recipient("recipient", hrp);
  to.serno = fields.i64("serno");
  to.amount = fields.i64("amount");
}

void read_stake(JsonFields& fields, std::string_view hrp, RawStakeOutput& to) {
  to.recipient = fields.recipient("recipient", hrp);
  to.validator = fields.reversed<BlsKey>("validator");
  to.amount = fields.i64("amount");
  to.serno = fields.i64("serno");
  to.signature = fields.reversed<BlsSignature>("signature");
}

// Calls use(id) for each id of a list of hex strings.
template <class Use>
Result<void> each_id(std::string_view list, Use use) {
  JsonElements elements(list);
  while (elements.next()) {
    auto const text = elements.value();
    auto const id =
        text.size() < 2 ? std::nullopt : Hash::from_hex(text.substr(1, text.size() - 2));
    if (!id) return fail(Fault::peer, "inputs: not an id", "field");
    HS_DO(use(*id));
  }
  return elements.is_broken() ? broken("inputs") : Result<void>();
}

// Calls use(output, claimed id) for each output of a list; one output is in memory at a time.
template <class Use>
Result<void> each_output(std::string_view list, std::string_view hrp, Use use) {
  JsonElements elements(list);
  RawOutput output;
  while (elements.next()) {
    if (elements.value().size() > kOutputBytesMax) return too_large("output");
    HS_TRY(claimed, parse_output(elements.value(), hrp, output));
    HS_DO(use(output, claimed));
  }
  return elements.is_broken() ? broken("outputs") : Result<void>();
}

RawVrf read_vrf(JsonFields& fields) {
  auto inner = fields.object("random");
  RawVrf const vrf{inner.fixed<Hash>("rand"), inner.reversed<BlsSignature>("proof")};
  fields.adopt(inner);
  return vrf;
}

std::optional<RawViewChangeProof> read_view_change_proof(JsonFields& fields) {
  if (!fields.has("view_change_proof")) return std::nullopt;
  auto inner = fields.object("view_change_proof");
  RawViewChangeProof proof{inner.bits("multimap"), inner.reversed<BlsSignature>("multisig")};
  fields.adopt(inner);
  return proof;
}

RawMicroHeader read_micro_header(JsonFields& fields, JsonTime const& time) {
  RawMicroHeader header;
  header.version = fields.u64("version");
  header.previous = fields.fixed<Hash>("previous");
  header.epoch = fields.u64("epoch");
  header.offset = fields.u32("offset");
  header.view_change = fields.u32("view_change");
  header.view_change_proof = read_view_change_proof(fields);
  header.pkey = fields.reversed<BlsKey>("pkey");
  header.random = read_vrf(fields);
  fields.bytes("solution", header.solution);
  header.timestamp_ns = time.ns;
  header.transactions_len = fields.u32("transactions_len");
  header.transactions_root = fields.fixed<Hash>("transactions_range_hash");
  header.inputs_len = fields.u32("inputs_len");
  header.inputs_root = fields.fixed<Hash>("inputs_range_hash");
  header.outputs_len = fields.u32("outputs_len");
  header.outputs_root = fields.fixed<Hash>("outputs_range_hash");
  header.canaries_root = fields.fixed<Hash>("canaries_range_hash");
  return header;
}

RawMacroHeader read_macro_header(JsonFields& fields, JsonTime const& time) {
  RawMacroHeader header;
  header.version = fields.u64("version");
  header.previous = fields.fixed<Hash>("previous");
  header.epoch = fields.u64("epoch");
  header.view_change = fields.u32("view_change");
  header.pkey = fields.reversed<BlsKey>("pkey");
  header.random = read_vrf(fields);
  header.difficulty = fields.u64("difficulty");
  header.timestamp_ns = time.ns;
  header.block_reward = fields.i64("block_reward");
  header.gamma = fields.reversed<Scalar>("gamma");
  header.activity_map = fields.bits("activity_map");
  header.validators_len = fields.u32("validators_len");
  header.validators_root = fields.fixed<Hash>("validators_range_hash");
  header.inputs_len = fields.u32("inputs_len");
  header.inputs_root = fields.fixed<Hash>("inputs_range_hash");
  header.outputs_len = fields.u32("outputs_len");
  header.outputs_root = fields.fixed<Hash>("outputs_range_hash");
  header.canaries_root = fields.fixed<Hash>("canaries_range_hash");
  return header;
}

Result<std::vector<RawValidator>> read_validators(std::string_view list, std::string_view hrp) {
  std::vector<RawValidator> validators;
  JsonElements elements(list);
  while (elements.next()) {
    if (validators.size() == kValidatorsMax)
      return fail(Fault::peer, "validators: more than any chain has", "size");
    HS_TRY(fields, JsonFields::read(elements.value()));
    validators.push_back({fields.reversed<BlsKey>("network_pkey"),
                          fields.recipient("account_pkey", hrp), fields.i64("slots")});
    HS_DO(fields.done("validator"));
  }
  if (elements.is_broken()) return fail(Fault::peer, "validators: no JSON list", "json");
  return validators;
}

// Whether a wrong block hash can be told: the time stands there in full, or should.
bool hash_is_checkable(JsonTime const& time, Generation generation) {
  return time.is_exact() || generation == Generation::dev || generation == Generation::v1_3;
}

// ---- transactions
// --------------------------------------------------------------------------------

struct ClaimedTransaction {
  RawTransaction tx;
  std::optional<Hash> hash;
  std::vector<Hash> output_ids;
};

Result<void> read_outputs(JsonFields& fields, std::string_view hrp, std::vector<RawOutput>& outputs,
                          std::vector<Hash>& ids) {
  return each_output(fields.raw("txouts"), hrp,
                     [&](RawOutput const& output, Hash const& id) -> Result<void> {
                       outputs.push_back(output);
                       ids.push_back(id);
                       return {};
                     });
}

Result<void> read_inputs(JsonFields& fields, std::vector<Hash>& inputs) {
  return each_id(fields.raw("txins"), [&](Hash const& id) -> Result<void> {
    inputs.push_back(id);
    return {};
  });
}

Result<RawTransaction> read_coinbase(JsonFields& fields, std::string_view hrp,
                                     std::vector<Hash>& ids) {
  RawCoinbase tx;
  tx.block_reward = fields.i64("block_reward");
  tx.block_fee = fields.i64("block_fee");
  tx.gamma = fields.reversed<Scalar>("gamma");
  HS_DO(read_outputs(fields, hrp, tx.outputs, ids));
  return tx;
}

Result<RawTransaction> read_payment_tx(JsonFields& fields, std::string_view hrp,
                                       std::vector<Hash>& ids) {
  RawPayment tx;
  HS_DO(read_inputs(fields, tx.inputs));
  HS_DO(read_outputs(fields, hrp, tx.outputs, ids));
  tx.gamma = fields.reversed<Scalar>("gamma");
  tx.fee = fields.i64("fee");
  auto sig = fields.object("sig");
  tx.sig_u = sig.reversed<Scalar>("u");
  tx.sig_k = sig.reversed<Point>("K");
  fields.adopt(sig);
  return tx;
}

Result<RawTransaction> read_restake(JsonFields& fields, std::string_view hrp,
                                    std::vector<Hash>& ids) {
  RawRestake tx;
  HS_DO(read_inputs(fields, tx.inputs));
  HS_DO(read_outputs(fields, hrp, tx.outputs, ids));
  tx.signature = fields.reversed<BlsSignature>("sig");
  return tx;
}

// The two blocks of the proof are not part of the chain: only their headers are read, and nothing
// that stands in their transactions may ever count.
Result<RawTransaction> read_slashing(JsonFields& fields, std::string_view hrp,
                                     std::vector<Hash>& ids) {
  RawSlashing tx;
  auto proof = fields.object("proof");
  auto first = proof.object("block1");
  auto second = proof.object("block2");
  auto const first_time = first.time("timestamp");
  auto const second_time = second.time("timestamp");
  tx.block1 = read_micro_header(first, first_time);
  tx.block2 = read_micro_header(second, second_time);
  tx.exact_times = first_time.is_exact() && second_time.is_exact();
  proof.adopt(first);
  proof.adopt(second);
  fields.adopt(proof);
  HS_DO(read_inputs(fields, tx.inputs));
  HS_DO(read_outputs(fields, hrp, tx.outputs, ids));
  return tx;
}

Result<ClaimedTransaction> read_transaction(std::string_view json, std::string_view hrp) {
  HS_TRY(fields, JsonFields::read(json));
  auto const type = fields.plain("type");
  ClaimedTransaction claimed;
  auto const read = [&]() -> Result<RawTransaction> {
    if (type == "coinbase_transaction") return read_coinbase(fields, hrp, claimed.output_ids);
    if (type == "payment_transaction") return read_payment_tx(fields, hrp, claimed.output_ids);
    if (type == "restake_transaction") return read_restake(fields, hrp, claimed.output_ids);
    if (type == "slashing_transaction") return read_slashing(fields, hrp, claimed.output_ids);
    return fail(Fault::peer, "transaction: of a type that no micro block holds", "field");
  };
  HS_TRY(tx, read());
  claimed.tx = std::move(tx);
  if (fields.has("tx_hash")) claimed.hash = fields.fixed<Hash>("tx_hash");
  HS_DO(fields.done("transaction"));
  return claimed;
}

Result<void> check_transactions(std::string_view list, std::string_view hrp, MicroCheck& check) {
  JsonElements elements(list);
  while (elements.next()) {
    if (elements.value().size() > kTransactionBytesMax) return too_large("transaction");
    HS_TRY(claimed, read_transaction(elements.value(), hrp));
    HS_DO(check.add(claimed.tx, {claimed.hash, claimed.output_ids}));
  }
  return elements.is_broken() ? broken("transactions") : Result<void>();
}

}  // namespace

Result<Hash> parse_output(std::string_view json, std::string_view hrp, RawOutput& into) {
  HS_TRY(fields, JsonFields::read(json));
  auto const type = fields.plain("type");
  if (type == "payment_output")
    read_payment(fields, hrp, reuse<RawPaymentOutput>(into));
  else if (type == "public_payment_output")
    read_public(fields, hrp, reuse<RawPublicOutput>(into));
  else if (type == "stake_output")
    read_stake(fields, hrp, reuse<RawStakeOutput>(into));
  else
    fields.refuse("type", "is of no known output");
  auto const id = fields.fixed<Hash>("output_hash");
  HS_DO(fields.done("output"));
  return id;
}

Result<RawMicroHeader> parse_micro_header(std::string_view json) {
  HS_TRY(fields, JsonFields::read(json));
  auto const header = read_micro_header(fields, fields.time("timestamp"));
  HS_DO(fields.done("micro block"));
  return header;
}

Result<RawMacroHeader> parse_macro_header(std::string_view json) {
  HS_TRY(fields, JsonFields::read(json));
  auto const header = read_macro_header(fields, fields.time("timestamp"));
  HS_DO(fields.done("macro block"));
  return header;
}

Result<model::MicroBlock> parse_micro_block(JsonFields& fields, ParseOptions const& options) {
  auto const hash = fields.fixed<Hash>("block_hash");
  auto const time = fields.time("timestamp");
  auto const header = read_micro_header(fields, time);
  auto const transactions = fields.raw("transactions");
  HS_DO(fields.done("micro block"));
  MicroCheck check;
  HS_DO(check_transactions(transactions, options.hrp, check));
  return check.finish(header, hash, hash_is_checkable(time, options.generation));
}

Result<model::MacroBlock> parse_macro_block(JsonFields& fields, ParseOptions const& options) {
  auto const hash = fields.fixed<Hash>("block_hash");
  auto const time = fields.time("timestamp");
  RawMacroBlock head;
  head.header = read_macro_header(fields, time);
  head.multisig = fields.reversed<BlsSignature>("multisig");
  head.multisigmap = fields.bits("multisigmap");
  auto const inputs = fields.raw("inputs");
  auto const outputs = fields.raw("outputs");
  HS_DO(fields.done("macro block"));
  if (fields.has("validators")) {
    HS_TRY(validators, read_validators(fields.raw("validators"), options.hrp));
    head.validators = std::move(validators);
  }
  MacroCheck check;
  HS_DO(each_id(inputs, [&](Hash const& id) { return check.add_input(id); }));
  HS_DO(each_output(outputs, options.hrp, [&](RawOutput const& output, Hash const& id) {
    return check.add_output(output, id);
  }));
  return check.finish(std::move(head), hash, hash_is_checkable(time, options.generation),
                      options.activity_length);
}

}  // namespace hotside::wire
