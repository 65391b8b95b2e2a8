#include "explorer/cold/verify.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "explorer/cold/blob.hpp"
#include "explorer/cold/select.hpp"
#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"

namespace hotside::cold {
namespace {

namespace dom = simdjson::dom;
using model::BundleState;

constexpr std::size_t kFileMax = 64U << 20U;

// "2026-01-02T03:04:05.678Z", exactly as it is written; digits are checked by writing it again.
std::optional<Time> parse_time(std::string_view text) {
  if (text.size() != 24) return std::nullopt;
  auto const number = [&](std::size_t at, std::size_t length) {
    return static_cast<int>(parse_u64(text.substr(at, length)).value_or(0));
  };
  std::chrono::year_month_day const day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!day.ok()) return std::nullopt;
  Time const time = std::chrono::sys_days(day) + std::chrono::hours(number(11, 2)) +
                    std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) +
                    std::chrono::milliseconds(number(20, 3));
  if (to_rfc3339(time) != text) return std::nullopt;
  return time;
}

// Reads on after what cannot be read, so that all problems come out at once.
class Examiner {
 public:
  explicit Examiner(Verified& result) : result_(result) {}

  void read(dom::element root);
  void check(Expectation const& expected);

 private:
  void problem(std::string what) { result_.problems.push_back(std::move(what)); }

  std::string text(dom::element from, std::string const& where, std::string_view key);
  std::int64_t integer(dom::element from, std::string const& where, std::string_view key);
  std::vector<dom::element> list(dom::element from, std::string const& where, std::string_view key);
  Time time(dom::element from, std::string_view key);
  PublicKey address(std::string const& where, std::string const& text);
  model::Payee payee(dom::element from, std::string const& where);
  model::Coin coin(std::string const& where, dom::element id, dom::element blob,
                   PublicKey const& source);
  void read_request(dom::element from, std::string const& where);
  void read_inputs(dom::element from, std::string const& where, model::BundleRequest& request);
  void check_request(model::BundleRequest const& request, std::string const& where);

  Verified& result_;
  std::unordered_set<Hash> inputs_;
};

std::string Examiner::text(dom::element from, std::string const& where, std::string_view key) {
  std::string_view value;
  if (from.at_key(key).get(value) == simdjson::SUCCESS) return std::string(value);
  problem(where + std::string(key) + ": missing, or not a text");
  return {};
}

std::int64_t Examiner::integer(dom::element from, std::string const& where, std::string_view key) {
  std::int64_t value = 0;
  if (from.at_key(key).get(value) != simdjson::SUCCESS)
    problem(where + std::string(key) + ": missing, or not an integer");
  return value;
}

std::vector<dom::element> Examiner::list(dom::element from, std::string const& where,
                                         std::string_view key) {
  std::vector<dom::element> items;
  dom::array array;
  if (from.at_key(key).get(array) != simdjson::SUCCESS) {
    problem(where + std::string(key) + ": missing, or not a list");
    return items;
  }
  for (auto const item : array) items.push_back(item);
  return items;
}

Time Examiner::time(dom::element from, std::string_view key) {
  auto const value = parse_time(text(from, "", key));
  if (!value) problem(std::string(key) + ": not a time as 2026-01-02T03:04:05.678Z");
  return value.value_or(Time{});
}

PublicKey Examiner::address(std::string const& where, std::string const& text) {
  auto const key = model::parse_address(result_.document.network.hrp, text);
  if (!key) problem(where + ": " + key.error().what);
  return key ? *key : PublicKey{};
}

model::Payee Examiner::payee(dom::element from, std::string const& where) {
  auto const recipient = address(where + "recipient", text(from, where, "recipient"));
  return {recipient, Amount(integer(from, where, "amount"))};
}

model::Coin Examiner::coin(std::string const& where, dom::element id, dom::element blob,
                           PublicKey const& source) {
  model::Coin coin;
  std::string_view id_text, blob_text;
  auto const parsed =
      id.get(id_text) == simdjson::SUCCESS ? Hash::from_hex(id_text) : std::optional<Hash>();
  auto const bytes =
      blob.get(blob_text) == simdjson::SUCCESS ? from_hex(blob_text) : std::optional<Bytes>();
  if (!parsed) problem(where + ": the id is not 64 hex digits");
  if (parsed) coin.id.utxo = *parsed;
  if (!bytes) {
    problem(where + ": the blob is not hex");
    return coin;
  }
  auto const output = wire::decode_output(*bytes);
  if (!output) {
    problem(where + ": the blob is no output: " + output.error().what);
    return coin;
  }
  if (wire::output_id(*output) != coin.id.utxo)
    problem(where + ": the blob hashes to " + wire::output_id(*output).hex() + ", not to its id " +
            coin.id.utxo.hex());
  auto const* const payment = std::get_if<wire::RawPublicOutput>(&*output);
  if (payment == nullptr) {
    problem(where + ": the blob is no public payment");
    return coin;
  }
  coin.recipient = payment->recipient;
  coin.serno = payment->serno;
  coin.amount = Amount(payment->amount);
  if (coin.recipient != source) problem(where + ": this output does not belong to the source");
  if (coin.amount.value <= 0) problem(where + ": an amount that is not above 0");
  if (!inputs_.insert(coin.id.utxo).second) problem(where + ": this output is spent twice");
  return coin;
}

void Examiner::read_inputs(dom::element from, std::string const& where,
                           model::BundleRequest& request) {
  auto const ids = list(from, where, "txins");
  auto const blobs = list(from, where, "unspent_list");
  if (ids.size() != blobs.size())
    problem(where + "unspent_list: " + std::to_string(blobs.size()) + " blobs for " +
            std::to_string(ids.size()) + " txins");
  for (std::size_t i = 0; i < std::min(ids.size(), blobs.size()); ++i)
    request.inputs.push_back(
        coin(where + "txins[" + std::to_string(i) + "]", ids[i], blobs[i], request.source));
}

void Examiner::read_request(dom::element from, std::string const& where) {
  model::BundleRequest request;
  if (text(from, where, "type") != "create_raw_transaction")
    problem(where + "type: not create_raw_transaction");
  request.source = address(where + "source", text(from, where, "source"));
  read_inputs(from, where, request);
  std::size_t number = 0;
  for (auto const output : list(from, where, "txouts")) {
    auto const at = where + "txouts[" + std::to_string(number++) + "].";
    if (text(output, at, "output_type") != "public_payment")
      problem(at + "output_type: not public_payment");
    request.outputs.push_back(payee(output, at));
  }
  request.fee = Amount(integer(from, where, "fee"));
  dom::element change;
  if (from.at_key("change").get(change) != simdjson::SUCCESS)
    problem(where + "change: missing");
  else if (!change.is_null())
    request.change = payee(change, where + "change.");
  check_request(request, where);
  result_.document.requests.push_back(std::move(request));
}

void Examiner::check_request(model::BundleRequest const& request, std::string const& where) {
  auto const count = [&](std::string const& name, std::size_t size, std::size_t max) {
    if (size < 1 || size > max)
      problem(where + name + ": " + std::to_string(size) + ", a node takes 1 to " +
              std::to_string(max));
  };
  count("txins", request.inputs.size(), kInputsMax);
  count("txouts", request.outputs.size(), kOutputsMax);
  Sum in = 0, out = 0;
  for (auto const& coin : request.inputs) in += coin.amount.value;
  for (auto const& output : request.outputs) {
    out += output.amount.value;
    if (output.amount.value <= 0) problem(where + "txouts: an amount that is not above 0");
  }
  if (in != out + request.fee.value)
    problem(where + "not balanced: inputs " + to_decimal(in) + ", outputs " + to_decimal(out) +
            " and fee " + std::to_string(request.fee.value));
  if (request.fee.value < minimum_fee(request.outputs.size()))
    problem(where + "fee: " + std::to_string(request.fee.value) + " is below the minimum of " +
            std::to_string(minimum_fee(request.outputs.size())));
  if (request.change && (request.outputs.empty() || request.outputs.back() != *request.change))
    problem(where + "change: not the last of txouts");
}

void Examiner::read(dom::element root) {
  auto& document = result_.document;
  document.id = text(root, "", "id");
  auto const state = text(root, "", "state");
  constexpr std::array kStates{BundleState::relayed, BundleState::open, BundleState::spent,
                               BundleState::released, BundleState::expired};
  auto const* const known =
      std::ranges::find_if(kStates, [&](auto each) { return model::to_string(each) == state; });
  if (known == kStates.end())
    problem("state: '" + state + "' is none");
  else
    result_.state = *known;
  document.created_at = time(root, "created_at");
  document.expires_at = time(root, "expires_at");
  auto const name = text(root, "", "network");
  if (auto const network = model::network_by_name(name))
    document.network = *network;
  else
    problem("network: '" + name + "' is none");
  auto const genesis = Hash::from_hex(text(root, "", "genesis"));
  if (!genesis) problem("genesis: not 64 hex digits");
  if (genesis && document.network.genesis && *document.network.genesis != *genesis)
    problem("genesis: not that of " + name);
  if (genesis) document.network.genesis = *genesis;
  std::size_t number = 0;
  for (auto const request : list(root, "", "requests"))
    read_request(request, "requests[" + std::to_string(number++) + "].");
  if (number < 1 || number > kRequestsMax)
    problem("requests: 1 to " + std::to_string(kRequestsMax) + " are expected");
}

void Examiner::check(Expectation const& expected) {
  if (result_.state != BundleState::open && result_.state != BundleState::relayed)
    problem("state: the bundle was " + std::string(model::to_string(result_.state)) +
            " when this file was written");
  if (expected.network && *expected.network != result_.document.network.name)
    problem("network: " + result_.document.network.name + ", not " + *expected.network);
  if (expected.manifest && *expected.manifest != result_.manifest)
    problem("manifest: recomputed " + result_.manifest.hex() + ", expected " +
            expected.manifest->hex());
}

}  // namespace

Verified verify_bundle(std::string_view file, Expectation const& expected) {
  Verified result;
  if (file.size() > kFileMax) {
    result.problems.emplace_back("the file is larger than 64 MiB");
    return result;
  }
  if (file.ends_with('\n')) file.remove_suffix(1);
  dom::parser parser;
  dom::element root;
  simdjson::padded_string const padded(file);
  if (auto const code = parser.parse(padded).get(root)) {
    result.problems.push_back(std::string("not JSON: ") + simdjson::error_message(code));
    return result;
  }
  Examiner examiner(result);
  examiner.read(root);
  if (result.problems.empty()) {
    auto const manifest = manifest_of(result.document);
    auto const members = render_members(result.document);
    if (!manifest || !members) {
      result.problems.push_back((!manifest ? manifest.error() : members.error()).what);
    } else {
      result.manifest = *manifest;
      std::string_view stated;
      if (root.at_key("manifest").get(stated) != simdjson::SUCCESS || stated != manifest->hex())
        result.problems.push_back("manifest: recomputed " + manifest->hex() +
                                  ", the file states another");
      // What is left, to the last byte: written again from what was read, the text must be the
      // same.
      else if (render_answer(result.document.id, result.state, *members) != file)
        result.problems.emplace_back(
            "the text differs from what its own values give: a summary that was changed, a member "
            "that is unknown or given twice, or white space");
    }
  }
  examiner.check(expected);
  return result;
}

}  // namespace hotside::cold
