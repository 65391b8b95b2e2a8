#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <system_error>

#include "explorer/app/commands/commands.hpp"
#include "explorer/app/commands/print.hpp"
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

// What registering gave.
struct Outcome {
  std::uint64_t created = 0, existing = 0;
  struct Refused {
    std::uint64_t place;  // index on the command line
    std::string error;
  };
  std::vector<Refused> refused;
};

Result<void> register_batch(Client const& client, std::vector<Registration> const& batch,
                            Outcome& outcome) {
  HS_TRY(body, client.send("POST", "/v1/addresses", registration_body(batch)));
  simdjson::dom::parser parser;
  Json answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS)
    return fail(Fault::peer, "the service answered what is not JSON");
  outcome.created += number_at(answer, "created");
  outcome.existing += number_at(answer, "existing");
  simdjson::dom::array errors;
  if (answer.at_key("errors").get(errors) != simdjson::SUCCESS) return {};
  for (auto const& error : errors)
    outcome.refused.push_back({number_at(error, "index"), text_at(error, "error")});
  return {};
}

int report(Access const& access, Outcome const& outcome) {
  constexpr std::string_view place_name = "index";
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
  for (auto const& address : addresses.addresses)
    batch.push_back({address, addresses.reference, addresses.label});
  Outcome outcome;
  if (auto done = register_batch(*client, batch, outcome); !done) return complain(done.error());
  return report(access, outcome);
}

namespace {

// How far an import is, drawn over itself on the standard error.
class Progress {
 public:
  Progress(bool is_wanted, std::uint64_t bytes) : is_wanted_(is_wanted), bytes_(bytes) {}
  ~Progress() {
    if (drawn_) std::cerr << '\n';
  }
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;

  void sent(std::uint64_t sent) {
    auto const permille = bytes_ == 0 ? 1000 : std::min<std::uint64_t>(sent * 1000 / bytes_, 1000);
    if (!is_wanted_ || drawn_ == permille) return;
    drawn_ = permille;
    constexpr std::size_t width = 40;
    auto const full = static_cast<std::size_t>(permille) * width / 1000;
    std::cerr << "\r[" << std::string(full, '#') << std::string(width - full, '.') << "] "
              << permille / 10 << '.' << permille % 10 << " %" << std::flush;
  }

 private:
  bool is_wanted_;
  std::uint64_t bytes_;
  std::optional<std::uint64_t> drawn_;
};

std::string media_type_of(std::string const& file) {
  bool const has_lines = file.ends_with(".ndjson") || file.ends_with(".jsonl");
  return has_lines ? "application/x-ndjson" : "text/csv";
}

int report_import(Access const& access, std::string const& body) {
  simdjson::dom::parser parser;
  Json answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS)
    return complain({Fault::peer, "the service answered what is not JSON", {}});
  auto const refused = number_at(answer, "errors_total");
  if (access.json) {
    std::cout << body << '\n';
    return refused == 0 ? kDone : kFailed;
  }
  std::cout << number_at(answer, "created") << " created, " << number_at(answer, "existing")
            << " existing, " << refused << " refused\n";
  simdjson::dom::array errors;
  std::uint64_t listed = 0;
  if (answer.at_key("errors").get(errors) == simdjson::SUCCESS)
    for (auto const& error : errors) {
      std::cerr << "line " << number_at(error, "line") << ": " << text_at(error, "error") << '\n';
      ++listed;
    }
  if (listed < refused) std::cerr << "and " << refused - listed << " more\n";
  return refused == 0 ? kDone : kFailed;
}

}  // namespace

// One request, streamed; a file that breaks off in the middle can simply be given again.
int address_import(Access const& access, std::string const& file, bool wants_progress) {
  auto const client = Client::open(access);
  if (!client) return complain(client.error(), kUsage);
  std::error_code unknown;
  auto const bytes = std::filesystem::file_size(file, unknown);
  std::ifstream in(file, std::ios::binary);
  if (!in || unknown)
    return complain({Fault::rejected,
                     "cannot read " + file + ": " +
                         (unknown ? unknown.message() : std::generic_category().message(errno)),
                     {}},
                    kUsage);
  Result<std::string> answer = std::string();
  {
    Progress progress(wants_progress || ::isatty(STDERR_FILENO) == 1, bytes);
    answer = client->upload("/v1/addresses/import", media_type_of(file), in,
                            [&](std::uint64_t sent) { progress.sent(sent); });
  }
  if (!answer)
    return complain({answer.error().fault,
                     answer.error().what + "; what was taken in stays, giving the file again "
                                           "does no harm",
                     {}});
  return report_import(access, *answer);
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

int address_set(Access const& access, std::string const& address, AddressFields const& fields) {
  JsonWriter json;
  json.begin_object();
  auto const write = [&](std::string_view name, std::optional<std::string> const& value) {
    if (!value) return;
    json.key(name);
    if (value->empty())
      json.null();
    else
      json.string(*value);
  };
  write("reference", fields.reference);
  write("label", fields.label);
  json.end_object();
  return show_answer(
      access,
      [&](Client const& client) { return client.send("PATCH", path_of(address), json.text()); },
      [](Json const& answer) { print_members(answer); });
}

int address_retire(Access const& access, std::string const& address) {
  return show_answer(
      access, [&](Client const& client) { return client.send("DELETE", path_of(address), {}); },
      [&](Json const&) { std::cout << "retired: " << address << '\n'; });
}

}  // namespace hotside::app
