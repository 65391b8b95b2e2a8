#include "explorer/app/config.hpp"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "explorer/api/api_server.hpp"
#include "explorer/app/files.hpp"
#include "proto/model/webhook.hpp"

namespace hotside::app {
namespace {

struct Given {
  Value value;
  std::string origin;
  unsigned line = 0;
};
struct Entry {  // one [section], or one of several [[section]]
  std::string origin;
  unsigned line = 0;
  std::map<std::string_view, Given> values;  // by Row::key
};

Section const* find_section(std::string_view name) {
  for (auto const& section : settings_sections())
    if (section.name == name) return &section;
  return nullptr;
}

Row const* find_row(std::string_view section, std::string_view key) {
  for (auto const& row : settings_table())
    if (row.section == section && row.key == key) return &row;
  return nullptr;
}

std::optional<Value> value_of(Kind kind, toml::node const& node) {
  switch (kind) {
    case Kind::text:
      if (auto const* text = node.as_string()) return text->get();
      return std::nullopt;
    case Kind::integer:
      if (auto const* number = node.as_integer()) return number->get();
      return std::nullopt;
    case Kind::boolean:
      if (auto const* truth = node.as_boolean()) return truth->get();
      return std::nullopt;
    case Kind::texts: {
      auto const* array = node.as_array();
      if (array == nullptr) return std::nullopt;
      std::vector<std::string> texts;
      for (auto const& element : *array) {
        auto const* text = element.as_string();
        if (text == nullptr) return std::nullopt;
        texts.push_back(text->get());
      }
      return texts;
    }
  }
  return std::nullopt;
}

std::optional<Value> value_of(Kind kind, std::string const& text) {
  switch (kind) {
    case Kind::text:
      return text;
    case Kind::integer:
      if (auto number = parse_i64(text)) return *number;
      return std::nullopt;
    case Kind::boolean:
      if (text == "true" || text == "false") return text == "true";
      return std::nullopt;
    case Kind::texts:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string in_table(Section const& section) {
  if (section.name.empty()) return "at the top";
  return section.is_list ? "in [[" + std::string(section.name) + "]]"
                         : "in [" + std::string(section.name) + "]";
}

class Loader {
 public:
  Loader(std::string_view name, Environment const& environment, Reader reader)
      : name_(name), environment_(environment), reader_(reader) {}

  Configuration run(std::string_view text) {
    if (!parse(text)) return finish();
    for (auto const& section : settings_sections())
      if (section.is_always && !section.is_list && entries_[section.name].empty())
        entries_[section.name].push_back(Entry{at(1), 1, {}});
    read_environment();
    for (auto const& section : settings_sections()) take(section);
    check_together();
    return finish();
  }

 private:
  struct Placed {
    unsigned line;
    Problem problem;
  };

  std::string at(unsigned line) const { return std::string(name_) + ":" + std::to_string(line); }
  void complain(unsigned line, std::string origin, std::string key, std::string what) {
    problems_.push_back({line, {std::move(origin), std::move(key), std::move(what)}});
  }

  bool parse(std::string_view text) {
    try {
      auto const root = toml::parse(text, name_);
      entries_[""].push_back(Entry{at(1), 1, {}});
      for (auto const& [key, node] : root) read_root(key.str(), node);
      return true;
    } catch (toml::parse_error const& error) {
      auto const line = error.source().begin.line;
      complain(line, at(line), "", std::string(error.description()));
      return false;
    }
  }

  void read_root(std::string_view key, toml::node const& node) {
    auto const line = node.source().begin.line;
    auto const* section = key.empty() ? nullptr : find_section(key);
    if (section == nullptr) return read_key(*find_section(""), entries_[""].front(), key, node);
    auto const name = std::string(key);
    if (section->is_list) {
      auto const* array = node.as_array();
      if (array == nullptr || !array->is_array_of_tables())
        return complain(line, at(line), name, "is written [[" + name + "]]");
      for (auto const& element : *array) read_entry(*section, *element.as_table());
    } else if (auto const* table = node.as_table()) {
      read_entry(*section, *table);
    } else {
      complain(line, at(line), name, "is a table, written [" + name + "]");
    }
  }

  void read_entry(Section const& section, toml::table const& table) {
    auto const line = table.source().begin.line;
    auto& entry = entries_[section.name].emplace_back(Entry{at(line), line, {}});
    for (auto const& [key, node] : table) read_key(section, entry, key.str(), node);
  }

  void read_key(Section const& section, Entry& entry, std::string_view key,
                toml::node const& node) {
    auto const line = node.source().begin.line;
    auto const* row = find_row(section.name, key);
    auto const shown = section.name.empty() ? std::string(key)
                                            : std::string(section.name) + "." + std::string(key);
    if (row == nullptr)
      return complain(line, at(line), shown, "there is no such key " + in_table(section));
    if (auto value = value_of(row->kind, node)) {
      entry.values.insert_or_assign(row->key, Given{std::move(*value), at(line), line});
    } else {
      seen_badly_.emplace(entry.line, row);
      complain(line, at(line), shown, "is not of type " + std::string(to_string(row->kind)));
    }
  }

  // A variable stands above the file. For [[node]] it means the only one there is.
  void read_environment() {
    std::set<std::string, std::less<>> known;
    for (auto const& row : settings_table()) {
      auto const variable = variable_name(row);
      known.insert(variable);
      auto const found = environment_.find(variable);
      if (found == environment_.end()) continue;
      auto& entries = entries_[row.section];
      if (row.kind == Kind::texts) {
        complain(0, variable, full_key(row), "a list cannot be set by a variable");
        continue;
      }
      if (entries.size() > 1) {
        complain(
            0, variable, full_key(row),
            "there are several [[" + std::string(row.section) + "]], so a variable is unclear");
        continue;
      }
      if (entries.empty()) entries.push_back(Entry{variable, 0, {}});
      if (auto value = value_of(row.kind, found->second))
        entries.front().values.insert_or_assign(row.key, Given{std::move(*value), variable, 0});
      else
        complain(0, variable, full_key(row), "is not of type " + std::string(to_string(row.kind)));
    }
    for (auto const& [variable, text] : environment_)
      if (!known.contains(variable) && is_of_a_section(variable))
        complain(0, variable, "", "there is no such setting");
  }

  static bool is_of_a_section(std::string_view variable) {
    return std::ranges::any_of(settings_table(), [&](Row const& row) {
      auto const prefix = variable_name(row);
      return !row.section.empty() &&
             variable.starts_with(prefix.substr(0, prefix.size() - row.key.size()));
    });
  }

  void take(Section const& section) {
    auto const& entries = entries_[section.name];
    if (section.is_list && section.is_always && entries.empty())
      complain(1, at(1), std::string(section.name),
               "at least one [[" + std::string(section.name) + "]] is needed");
    for (auto const& entry : entries) {
      if (section.name == "node") settings_.nodes.emplace_back();
      if (section.name == "webhook") settings_.webhooks.emplace_back();
      for (auto const& row : settings_table())
        if (row.section == section.name) take(entry, row);
      if (section.name == "webhook") check_webhook(entry);
    }
  }

  void take(Entry const& entry, Row const& row) {
    auto const given = entry.values.find(row.key);
    if (given == entry.values.end()) {
      if (seen_badly_.contains({entry.line, &row})) return;
      if (row.required) {
        complain(entry.line, entry.origin, full_key(row), "is missing");
      } else if (!row.fallback.empty()) {
        auto const value = value_of(row.kind, std::string(row.fallback));
        if (value) (void)row.take(settings_, *value, reader_);
      }
      return;
    }
    auto const& [value, origin, line] = given->second;
    settings_.origins.insert_or_assign(full_key(row), origin);
    lines_.insert_or_assign(full_key(row), line);
    if (auto const* number = std::get_if<std::int64_t>(&value);
        number != nullptr && (*number < row.min || *number > row.max))
      return complain(line, origin, full_key(row),
                      std::to_string(*number) + " is not within " + std::to_string(row.min) +
                          " to " + std::to_string(row.max));
    if (auto complaint = row.take(settings_, value, reader_))
      complain(line, origin, full_key(row), std::move(*complaint));
  }

  // The one that was read last.
  void check_webhook(Entry const& entry) {
    auto const& hook = settings_.webhooks.back();
    auto const given = entry.values.find("url");
    if (hook.url.empty() || given == entry.values.end()) return;
    auto const& [value, origin, line] = given->second;
    auto const same = std::ranges::count(settings_.webhooks, hook.url, &webhook::Configured::url);
    if (same > 1) complain(line, origin, "webhook.url", "another [[webhook]] has the same url");
    auto const url = model::parse_webhook_url(hook.url);
    auto const why = url ? model::forbidden_host(url->host) : std::nullopt;
    if (why && !hook.allow_private)
      complain(line, origin, "webhook.url", *why + "; it needs allow_private = true");
  }

  void complain_at(std::string_view key, std::string what) {
    auto const line = lines_.find(key);
    if (line == lines_.end()) return complain(1, at(1), std::string(key), std::move(what));
    complain(line->second, settings_.origins.find(key)->second, std::string(key), std::move(what));
  }

  void check_together() {
    if (!settings_.network.name.empty() && !settings_.network.genesis &&
        !entries_[""].front().values.contains("genesis"))
      complain_at("genesis", "is missing: the genesis of " + settings_.network.name +
                                 " is not known to the program");
    std::set<std::string> names;
    for (auto const& node : settings_.nodes)
      if (!node.name.empty() && !names.insert(node.name).second)
        complain_at("node.name", "two nodes are called \"" + node.name + "\"");
    if (!settings_.nodes.empty() && settings_.confirm_nodes > settings_.nodes.size())
      complain_at("finality.confirm_nodes", std::to_string(settings_.confirm_nodes) +
                                                " nodes are to agree, but " +
                                                std::to_string(settings_.nodes.size()) +
                                                " configured: nothing would be final");
    auto const& http = entries_["http"].front().values;
    if (!settings_.listen.host.empty() && !settings_.listen.is_loopback() &&
        !http.contains("tokens_file"))
      complain_at("http.listen",
                  "is not loopback, so http.tokens_file is required: without it every caller would "
                  "be admin");
    check_tls(http.contains("tls_cert"), http.contains("tls_key"));
  }

  void check_tls(bool has_cert, bool has_key) {
    if (has_cert != has_key)
      return complain_at(
          has_cert ? "http.tls_cert" : "http.tls_key",
          std::string("TLS needs http.") + (has_cert ? "tls_key" : "tls_cert") + " too");
    bool const is_known_bad = std::ranges::any_of(problems_, [](Placed const& placed) {
      return placed.problem.key.starts_with("http.tls_");
    });
    if (!has_cert || reader_ == Reader::client || is_known_bad) return;
    if (auto const usable = api::check_tls({settings_.tls_cert, settings_.tls_key}); !usable)
      complain_at("http.tls_cert", usable.error().what);
  }

  Configuration finish() {
    std::ranges::stable_sort(problems_, {}, &Placed::line);
    Configuration result{std::move(settings_), {}};
    for (auto& placed : problems_) result.problems.push_back(std::move(placed.problem));
    return result;
  }

  std::string_view name_;
  Environment const& environment_;
  Reader reader_;
  std::map<std::string_view, std::vector<Entry>> entries_;  // by Section::name
  std::set<std::pair<unsigned, Row const*>> seen_badly_;    // of a wrong type, so not "missing"
  Settings settings_;
  std::map<std::string, unsigned, std::less<>> lines_;  // where each of Settings::origins is
  std::vector<Placed> problems_;
};

}  // namespace

std::string Problem::text() const { return origin + ": " + (key.empty() ? "" : key + ": ") + what; }

Environment process_environment() {
  Environment result;
  constexpr std::string_view prefix = "HOTSIDE_";
  for (char** line = environ; line != nullptr && *line != nullptr; ++line) {
    std::string_view const text(*line);
    auto const equals = text.find('=');
    if (text.starts_with(prefix) && equals != std::string_view::npos)
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

Configuration read_configuration(std::string_view name, std::string_view toml,
                                 Environment const& environment, Reader reader) {
  return Loader(name, environment, reader).run(toml);
}

Result<Configuration> read_configuration_file(std::string const& path,
                                              Environment const& environment, Reader reader) {
  HS_TRY(text, read_small_file(path));
  return read_configuration(path, text, environment, reader);
}

}  // namespace hotside::app
