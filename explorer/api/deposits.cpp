#include <algorithm>
#include <limits>
#include <memory>

#include "explorer/api/handlers.hpp"
#include "explorer/api/parameters.hpp"
#include "proto/model/address.hpp"
#include "proto/model/render.hpp"

namespace hotside::api {
namespace {

constexpr auto kU64Max = std::numeric_limits<std::uint64_t>::max();

Asked<store::DepositFilter> read_filter(Context const& context, Call const& call) {
  store::DepositFilter filter;
  HS_ASK(utxo, hash_parameter(call, "utxo"));
  HS_ASK(address, address_parameter(context, call, "address"));
  HS_ASK(reference, text_parameter(call, "reference"));
  HS_ASK(epoch_from, u64_parameter(call, "epoch_from", 0, kU64Max));
  HS_ASK(epoch_to, u64_parameter(call, "epoch_to", 0, kU64Max));
  HS_ASK(min_amount, i64_parameter(call, "min_amount", 0));
  filter.utxo = utxo;
  filter.address = address;
  filter.reference = reference;
  if (epoch_from) filter.epoch_from = Epoch(*epoch_from);
  if (epoch_to) filter.epoch_to = Epoch(*epoch_to);
  if (min_amount) filter.min_amount = Amount(*min_amount);
  if (auto const text = given(call, "state")) {
    filter.state = model::deposit_state(*text);
    if (!filter.state)
      return refuse(Problem::invalid_parameter, "state: one of prepared, committed, reverted");
  }
  if (auto const text = given(call, "spend")) {
    filter.spend = model::spend_state(*text);
    if (!filter.spend)
      return refuse(Problem::invalid_parameter, "spend: one of unspent, spend_prepared, spent");
  }
  return filter;
}

store::DepositKey key_of(model::Deposit const& deposit) {
  return {deposit.id.epoch, deposit.offset, deposit.id.utxo};
}

// ---- CSV

constexpr std::string_view kCsvHeader =
    "id,utxo,address,reference,amount,amount_stg,state,spend,epoch,offset,block_hash,tx_hash,"
    "block_time,first_seen,committed_at,retired\r\n";
constexpr std::size_t kCsvPage = 200;

std::string csv_text(std::string const& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char const c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

void append_csv(std::string& out, store::DepositRow const& row, std::string_view hrp) {
  auto const& d = row.deposit;
  out += d.id.text() + ',' + d.id.utxo.hex() + ',' + model::to_address(hrp, d.recipient) + ',';
  out += csv_text(row.reference.value_or("")) + ',';
  out += std::to_string(d.amount.value) + ',' + to_stg(d.amount.value) + ',';
  out.append(model::to_string(d.state)).append(",").append(model::to_string(d.spend)).append(",");
  out += std::to_string(d.id.epoch.value) + ',';
  out += (d.offset ? std::to_string(d.offset->value) : "") + ',' + d.block_hash.hex() + ',';
  out += (d.tx_hash ? d.tx_hash->hex() : "") + ',' + to_rfc3339(d.block_time) + ',';
  out += to_rfc3339(d.first_seen) + ',' + (d.committed_at ? to_rfc3339(*d.committed_at) : "") + ',';
  out += d.retired ? "true\r\n" : "false\r\n";
}

// The whole list, newest first, from one snapshot after another. Where a final deposit stands in
// the list never changes, and new ones come before it; only those of the epoch being built move. So
// the first piece has all of these, from one snapshot, and the rest goes on by key.
class CsvWalk {
 public:
  CsvWalk(store::DepositFilter filter, std::string hrp)
      : filter_(std::move(filter)), hrp_(std::move(hrp)) {}

  Asked<std::string> next(store::Snapshot& snapshot) {
    std::string piece;
    if (!has_begun_) {
      piece = kCsvHeader;
      HS_ASK(begun, begin(snapshot, piece));
      has_begun_ = true;
      is_done_ = !begun;
    }
    while (!is_done_ && piece.size() < kPieceBytes) {
      HS_ASK(more, append_page(snapshot, filter_, piece));
      is_done_ = !more;
    }
    return piece;
  }

 private:
  // Whether there can be more behind the epoch being built.
  Asked<bool> begin(store::Snapshot& snapshot, std::string& piece) {
    HS_ASK(position, snapshot.position());
    if (!position) return false;
    auto const open = position->final_epoch.next();
    auto only_open = filter_;
    only_open.epoch_from = std::max(filter_.epoch_from.value_or(open), open);
    while (true) {
      HS_ASK(more, append_page(snapshot, only_open, piece));
      if (!more) break;
    }
    after_.reset();
    if (open.value == 0) return false;
    filter_.epoch_to =
        std::min(filter_.epoch_to.value_or(position->final_epoch), position->final_epoch);
    return true;
  }

  Asked<bool> append_page(store::Snapshot& snapshot, store::DepositFilter const& filter,
                          std::string& piece) {
    HS_ASK(rows, snapshot.deposits(filter, after_, kCsvPage));
    for (auto const& row : rows) append_csv(piece, row, hrp_);
    if (!rows.empty()) after_ = key_of(rows.back().deposit);
    return rows.size() == kCsvPage;
  }

  store::DepositFilter filter_;
  std::string hrp_;
  std::optional<store::DepositKey> after_;
  bool has_begun_ = false, is_done_ = false;
};

}  // namespace

Asked<Download> get_deposits_csv(Context const& context, Call const& call) {
  HS_ASK(filter, read_filter(context, call));
  auto walk = std::make_shared<CsvWalk>(std::move(filter), context.options.hrp);
  Download download;
  download.head = Response{200, "text/csv; charset=utf-8; header=present", {}, {}};
  download.head.headers.emplace_back("Content-Disposition", "attachment; filename=deposits.csv");
  download.next = [walk](store::Snapshot& snapshot) { return walk->next(snapshot); };
  return download;
}

Answer get_deposits(Context const& context, Call const& call, store::Snapshot& snapshot) {
  HS_ASK(filter, read_filter(context, call));
  HS_ASK(limit, limit_parameter(call));
  std::optional<store::DepositKey> after;
  if (auto const text = given(call, "after")) {
    after = deposit_cursor(*text);
    if (!after) return refuse(Problem::invalid_parameter, "after: not a `next` of this list");
  }
  HS_ASK(rows, snapshot.deposits(filter, after, limit + 1));
  HS_ASK(position, snapshot.position());
  auto const next =
      cut_page(rows, limit, [](auto const& row) { return cursor_of(key_of(row.deposit)); });
  JsonWriter json;
  json.begin_object();
  json.key("deposits").begin_array();
  for (auto const& row : rows)
    model::write_deposit(json, row.deposit, row.reference, context.options.hrp);
  json.end_array();
  write_next(json, next);
  json.key("complete_through");
  write_complete_through(json, position);
  json.end_object();
  return json_response(json.take());
}

Answer get_deposit(Context const& context, Call const& call, store::Snapshot& snapshot) {
  auto const id = model::DepositId::parse(call.path_parameter);
  if (!id) return refuse(Problem::invalid_parameter, "id: <utxo>:<epoch>, as a list gives it");
  HS_ASK(row, snapshot.deposit(*id));
  if (!row) return refuse(Problem::not_found, "no deposit of this UTXO id in this epoch");
  JsonWriter json;
  model::write_deposit(json, row->deposit, row->reference, context.options.hrp);
  return json_response(json.take());
}

}  // namespace hotside::api
