#include <chrono>
#include <iostream>
#include <thread>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"

namespace hotside::app {
namespace {

void append(std::string& target, std::string_view key, std::string const& value) {
  if (!value.empty()) target += "&" + std::string(key) + "=" + url_encode(value);
}

void add_rows(Table& table, Json const& answer) {
  simdjson::dom::array rows;
  if (answer.at_key("deposits").get(rows) != simdjson::SUCCESS) return;
  for (auto const& row : rows) {
    std::vector<std::string> cells;
    for (auto const& column : table.columns) cells.push_back(text_at(row, column));
    table.rows.push_back(std::move(cells));
  }
}

// Prints a page of events; gives the number to go on from.
Result<std::uint64_t> print_page(std::string const& body, bool json, std::string& feed) {
  simdjson::dom::parser parser;
  Json page;
  simdjson::dom::array events;
  std::uint64_t next = 0;
  if (parser.parse(body).get(page) != simdjson::SUCCESS ||
      page.at_key("next").get(next) != simdjson::SUCCESS ||
      page.at_key("events").get(events) != simdjson::SUCCESS)
    return fail(Fault::peer, "the service answered what is not a page of events");
  feed = text_at(page, "feed");
  for (auto const& event : events)
    std::cout << (json ? simdjson::minify(event) : in_words(event)) << '\n';
  std::cout.flush();
  if (!std::cout) return fail(Fault::rejected, "the standard output is gone");
  return next;
}

}  // namespace

int deposits_list(Access const& access, DepositQuery const& query) {
  Table table{{"id", "state", "spend", "amount_stg", "address", "reference"}, {}};
  std::string filter;
  append(filter, "utxo", query.utxo);
  append(filter, "address", query.address);
  append(filter, "reference", query.reference);
  append(filter, "state", query.state);
  append(filter, "spend", query.spend);
  append(filter, "epoch_from", query.epoch_from);
  append(filter, "epoch_to", query.epoch_to);
  append(filter, "min_amount", query.min_amount);
  auto const code = show_pages(access, "/v1/deposits", filter, query.limit,
                               [&](Json const& page) { add_rows(table, page); });
  if (code == kDone && !access.json) print_table(table);
  return code;
}

int deposits_show(Access const& access, std::string const& id) {
  return show_answer(
      access, [&](Client const& client) { return client.get("/v1/deposits/" + url_encode(id)); },
      [](Json const& answer) { print_members(answer); });
}

// Asks with `wait` from its own cursor: a service that went away is asked again, and goes on where
// it was. Another feed behind the same address is an error, since the numbers mean something else.
int deposits_follow(Access const& access, std::uint64_t after, std::string const& types) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  std::string feed;
  bool was_told = false;
  for (;;) {
    auto target = "/v1/events?limit=1000&wait=30&after=" + std::to_string(after);
    append(target, "feed", feed);
    append(target, "types", types);
    auto const answer = client->ask("GET", target);
    if (answer && answer->status == 200) {
      auto const next = print_page(answer->body, access.json, feed);
      if (!next) return complain(next.error());
      after = *next;
      was_told = false;
      continue;
    }
    if (answer && answer->status < 500 && answer->status != 429)
      return complain({Fault::rejected, "the service refuses to go on: " + answer->body, {}});
    if (!was_told)
      std::cerr << "hotside: "
                << (answer ? "the service answered " + std::to_string(answer->status)
                           : answer.error().what)
                << "; trying again until it is back\n";
    was_told = true;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace hotside::app
