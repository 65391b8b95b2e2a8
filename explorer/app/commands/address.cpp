#include <algorithm>
#include <iostream>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/csv.hpp"
#include "explorer/app/commands/print.hpp"
#include "explorer/app/files.hpp"
#include "proto/base/json_writer.hpp"

namespace hotside::app {
namespace {

struct Registration {
  std::string address, reference, label;
};

std::string registration_body(std::vector<Registration> const& batch) {
  JsonWriter json;
  json.begin_object().key("addresses").begin_array();
  for (auto const& [address, reference, label] : batch) {
    json.begin_object().key("address").string(address);
    if (!reference.empty()) json.key("reference").string(reference);
    if (!label.empty()) json.key("label").string(label);
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::uint64_t number_at(Json const& object, std::string_view key) {
  std::uint64_t value = 0;
  if (object.at_key(key).get(value) != simdjson::SUCCESS) value = 0;
  return value;
}

std::string path_of(std::string const& address) { return "/v1/addresses/" + url_encode(address); }

// What registering gave, over all batches.
struct Outcome {
  std::uint64_t created = 0, existing = 0;
  struct Refused {
    std::uint64_t place;  // index on the command line, or line of the file
    std::string error;
  };
  std::vector<Refused> refused;
};

Result<void> register_batch(Client const& client, std::vector<Registration> const& batch,
                            std::vector<std::uint64_t> const& places, Outcome& outcome) {
  HS_TRY(body, client.send("POST", "/v1/addresses", registration_body(batch)));
  simdjson::dom::parser parser;
  Json answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS)
    return fail(Fault::peer, "the service answered what is not JSON");
  outcome.created += number_at(answer, "created");
  outcome.existing += number_at(answer, "existing");
  simdjson::dom::array errors;
  if (answer.at_key("errors").get(errors) != simdjson::SUCCESS) return {};
  for (auto const& error : errors) {
    auto const index = number_at(error, "index");
    if (index < places.size()) outcome.refused.push_back({places[index], text_at(error, "error")});
  }
  return {};
}

int report(Access const& access, Outcome const& outcome, std::string_view place_name) {
  if (access.json) {
    JsonWriter json;
    json.begin_object();
    json.key("created").unsigned_integer(outcome.created);
    json.key("existing").unsigned_integer(outcome.existing);
    json.key("errors").begin_array();
    for (auto const& [place, error] : outcome.refused)
      json.begin_object()
          .key(place_name)
          .unsigned_integer(place)
          .key("error")
          .string(error)
          .end_object();
    json.end_array().end_object();
    std::cout << json.text() << '\n';
  } else {
    std::cout << outcome.created << " created, " << outcome.existing << " existing, "
              << outcome.refused.size() << " refused\n";
    for (auto const& [place, error] : outcome.refused)
      std::cerr << place_name << ' ' << place << ": " << error << '\n';
  }
  return outcome.refused.empty() ? kDone : kFailed;
}

}  // namespace

int address_add(Access const& access, NewAddresses const& addresses) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  std::vector<Registration> batch;
  std::vector<std::uint64_t> places;
  for (auto const& address : addresses.addresses) {
    batch.push_back({address, addresses.reference, addresses.label});
    places.push_back(places.size());
  }
  Outcome outcome;
  if (auto done = register_batch(*client, batch, places, outcome); !done)
    return complain(done.error());
  return report(access, outcome, "index");
}

// In batches of one request each; a file that breaks off in the middle can simply be given again.
int address_import(Access const& access, std::string const& file) {
  constexpr std::size_t batch_rows = 1000;
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  auto reader = CsvReader::open(file);
  if (!reader) return complain(reader.error(), kUsage);
  auto const header = reader->next();
  if (!header || *header != std::vector<std::string>{"address", "reference", "label"})
    return complain({Fault::rejected, file + ":1: the header is not address,reference,label", {}});
  Outcome outcome;
  std::vector<Registration> batch;
  std::vector<std::uint64_t> places;
  auto const flush = [&] {
    auto done = batch.empty() ? Result<void>() : register_batch(*client, batch, places, outcome);
    batch.clear();
    places.clear();
    return done;
  };
  while (auto row = reader->next()) {
    if (row->size() != 3) {
      outcome.refused.push_back({reader->line(), "is not address,reference,label"});
      continue;
    }
    batch.push_back({(*row)[0], (*row)[1], (*row)[2]});
    places.push_back(reader->line());
    if (batch.size() < batch_rows) continue;
    if (auto done = flush(); !done) return complain(done.error());
    std::cerr << "line " << reader->line() << ": " << outcome.created << " created\n";
  }
  if (auto done = flush(); !done) return complain(done.error());
  std::ranges::sort(outcome.refused, {}, &Outcome::Refused::place);
  return report(access, outcome, "line");
}

int address_list(Access const& access, std::string const& reference) {
  Table table{{"address", "reference", "committed STG", "unspent STG", "prepared STG", "retired"},
              {}};
  auto const query = reference.empty() ? "" : "&reference=" + url_encode(reference);
  auto const code = show_pages(access, "/v1/addresses", query, UINT64_MAX, [&](Json const& page) {
    simdjson::dom::array rows;
    if (page.at_key("addresses").get(rows) != simdjson::SUCCESS) return;
    for (auto const& row : rows) {
      auto const sum = [&](std::string_view key) {
        Json part;
        auto const found = row.at_key(key).get(part) == simdjson::SUCCESS;
        return found ? text_at(part, "amount_stg") : std::string("-");
      };
      table.rows.push_back({text_at(row, "address"), text_at(row, "reference"), sum("committed"),
                            sum("unspent"), sum("prepared"), text_at(row, "retired")});
    }
  });
  if (code == kDone && !access.json) print_table(table);
  return code;
}

int address_show(Access const& access, std::string const& address) {
  return show_answer(
      access, [&](Client const& client) { return client.get(path_of(address)); },
      [](Json const& answer) { print_members(answer); });
}

int address_retire(Access const& access, std::string const& address) {
  return show_answer(
      access, [&](Client const& client) { return client.send("DELETE", path_of(address), {}); },
      [&](Json const&) { std::cout << "retired: " << address << '\n'; });
}

}  // namespace hotside::app
