#include "explorer/app/commands/print.hpp"

#include <algorithm>
#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "proto/base/units.hpp"

namespace hotside::app {
namespace {

std::string plain(Json const& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  if (value.is_null()) return "-";
  return simdjson::minify(value);
}

std::string shown(std::string const& text, Ids ids) {
  constexpr std::size_t head = 10, tail = 6;
  if (ids == Ids::full || text.size() <= head + tail + 1) return text;
  return text.substr(0, head) + "…" + text.substr(text.size() - tail);
}

std::string deposit_in_words(std::string_view type, Json const& deposit, Ids ids) {
  auto const reference = text_at(deposit, "reference");
  auto const payment = text_at(deposit, "amount_stg") + " STG to " +
                       shown(text_at(deposit, "address"), ids) +
                       (reference == "-" ? "" : " (" + reference + ")");
  auto const id = "  [" + shown(text_at(deposit, "id"), ids) + "]";
  if (type == "deposit.prepared")
    return "seen, not yet final: " + payment + ", block " + text_at(deposit, "epoch") + "/" +
           text_at(deposit, "offset") + id;
  if (type == "deposit.committed") return "final, credit now: " + payment + id;
  if (type == "deposit.reverted")
    return "gone again, do not credit: " + payment + "; the chain moved on without it" + id;
  if (type == "spend.prepared") return "being spent: " + payment + id;
  if (type == "spend.committed") return "spent for good: " + payment + id;
  if (type == "spend.reverted") return "not spent after all: " + payment + id;
  if (type == "chain.output_recreated")
    return "an id that was there before is paid again: " + payment + id;
  return payment + id;
}

// Whom it pays, as far as that is public; of many the first two.
std::string payees_of(Json const& tx, Ids ids) {
  constexpr std::size_t named = 2;
  simdjson::dom::array outputs;
  if (tx.at_key("outputs").get(outputs) != simdjson::SUCCESS) return {};
  std::string text;
  std::size_t hidden = 0, place = 0;
  for (auto const output : outputs) {
    std::int64_t amount = 0;
    bool const is_public = output.at_key("amount").get(amount) == simdjson::SUCCESS;
    if (!is_public || place >= named) {
      ++hidden;
      continue;
    }
    ++place;
    text += (text.empty() ? "" : ", ") + to_stg(amount) + " STG to " +
            shown(text_at(output, "recipient"), ids);
  }
  if (hidden > 0) text += (text.empty() ? "" : " and ") + std::to_string(hidden) + " other outputs";
  return text;
}

std::string transaction_in_words(std::string_view type, Json const& tx, Ids ids) {
  auto const error = text_at(tx, "error");
  auto const place = text_at(tx, "epoch") + "/" + text_at(tx, "offset");
  auto const what = payees_of(tx, ids) + "  [" + shown(text_at(tx, "hash"), ids) + "]";
  if (type == "transaction.accepted") return "taken by the node: " + what;
  if (type == "transaction.rejected") return "refused by the node (" + error + "): " + what;
  if (type == "transaction.unknown") return "no answer from a node, sent again: " + what;
  if (type == "transaction.prepared") return "in block " + place + ", not yet final: " + what;
  if (type == "transaction.committed")
    return "final in epoch " + text_at(tx, "epoch") + ": " + what;
  if (type == "transaction.conflicted") return "never any more, " + error + ": " + what;
  if (type == "transaction.reverted") return "out of its block again, waits: " + what;
  return what;
}

}  // namespace

std::string text_at(Json const& object, std::string_view key) {
  Json value;
  return object.at_key(key).get(value) == simdjson::SUCCESS ? plain(value) : "-";
}

void print_table(Table const& table) {
  std::vector<std::size_t> widths;
  for (auto const& column : table.columns) widths.push_back(column.size());
  for (auto const& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  auto const print = [&](std::vector<std::string> const& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      if (i + 1 < cells.size()) line += std::string(widths[i] - cells[i].size() + 2, ' ');
    }
    std::cout << line << '\n';
  };
  print(table.columns);
  for (auto const& row : table.rows) print(row);
}

void print_members(Json const& object, std::string const& prefix) {
  simdjson::dom::object members;
  if (object.get(members) != simdjson::SUCCESS) return;
  for (auto const& [key, value] : members) {
    auto const name = prefix + std::string(key);
    if (value.is_object())
      print_members(value, name + ".");
    else
      std::cout << name << std::string(name.size() < 20 ? 20 - name.size() : 0, ' ') << "  "
                << plain(value) << '\n';
  }
}

std::string in_words(Json const& event, Ids ids) {
  auto const type = text_at(event, "type");
  auto words = text_at(event, "at") + "  #" + text_at(event, "seq") + "  " + type;
  words += std::string(type.size() < 17 ? 17 - type.size() : 0, ' ') + "  ";
  Json about;
  if (event.at_key("deposit").get(about) == simdjson::SUCCESS)
    return words + deposit_in_words(type, about, ids);
  if (event.at_key("transaction").get(about) == simdjson::SUCCESS)
    return words + transaction_in_words(type, about, ids);
  if (event.at_key("node").get(about) == simdjson::SUCCESS)
    return words + "node " + text_at(about, "name") + " is " + text_at(about, "state");
  if (event.at_key("violation").get(about) == simdjson::SUCCESS)
    return words + "node " + text_at(about, "node") + " shows another macro block " +
           text_at(about, "epoch") + ": " + text_at(about, "shown") + " instead of " +
           text_at(about, "stored") + "; nothing more is taken in";
  if (event.at_key("chain").get(about) == simdjson::SUCCESS)
    return words + "no new block since " + text_at(about, "since");
  return words + simdjson::minify(event);
}

int complain(Error const& error, int code) {
  std::cerr << "hotside: " << error.what << '\n';
  return code;
}

namespace {

Result<Json> parse(simdjson::dom::parser& parser, Client const& client, std::string const& body) {
  Json answer;
  if (parser.parse(body.empty() ? "{}" : body).get(answer) != simdjson::SUCCESS)
    return fail(Fault::peer, client.address() + " answered what is not JSON");
  return answer;
}

void print_body(std::string const& body) {
  if (body.empty()) return;  // 204: nothing, and not an empty line that is no JSON
  std::cout << body << (body.ends_with('\n') ? "" : "\n");
}

}  // namespace

int show_answer(Access const& access, std::function<Result<std::string>(Client const&)> const& ask,
                std::function<void(Json const&)> const& show) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  auto const body = ask(*client);
  if (!body) return complain(body.error());
  if (access.json) {
    print_body(*body);
    return kDone;
  }
  simdjson::dom::parser parser;
  auto const answer = parse(parser, *client, *body);
  if (!answer) return complain(answer.error());
  show(*answer);
  return kDone;
}

int show_pages(Access const& access, std::string const& path, std::string const& query,
               std::uint64_t limit, std::function<void(Json const&)> const& show) {
  constexpr std::uint64_t page_rows = 1000;
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  simdjson::dom::parser parser;
  std::string after;
  while (limit > 0) {
    auto const rows = std::min(limit, page_rows);
    auto const target = path + "?limit=" + std::to_string(rows) + query +
                        (after.empty() ? "" : "&after=" + url_encode(after));
    auto const body = client->get(target);
    if (!body) return complain(body.error());
    auto const answer = parse(parser, *client, *body);
    if (!answer) return complain(answer.error());
    if (access.json)
      print_body(*body);
    else
      show(*answer);
    after = text_at(*answer, "next");
    if (after == "-") break;
    limit -= rows;
  }
  return kDone;
}

}  // namespace hotside::app
