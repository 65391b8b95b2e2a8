// The example file and the reference, both written from the table so that neither can lag behind.

#include "explorer/app/settings.hpp"

namespace hotside::app {
namespace {

std::string header(Section const& section) {
  if (section.name.empty()) return "";
  return section.is_list ? "[[" + std::string(section.name) + "]]"
                         : "[" + std::string(section.name) + "]";
}

bool is_quoted(Row const& row) { return row.kind == Kind::text && !row.fallback.empty(); }

std::string sample(Row const& row) {
  if (!row.example.empty()) return std::string(row.example);
  auto const text = std::string(row.fallback);
  return is_quoted(row) ? "\"" + text + "\"" : text;
}

std::string range(Row const& row) {
  if (row.kind != Kind::integer) return "";
  if (row.max == INT64_MAX) return "from " + std::to_string(row.min);
  return std::to_string(row.min) + " to " + std::to_string(row.max);
}

std::string plain(std::string_view help) {
  std::string out;
  for (char const c : help)
    if (c != '`') out += c;
  return out;
}

}  // namespace

std::string example_text() {
  std::string out =
      "# Hotside: every setting, with its default or an example. Lines that start with `#` are\n"
      "# optional. Each value can be overridden by a variable HOTSIDE_<SECTION>_<KEY>.\n"
      "# Check a file with: hotside config check --config FILE\n";
  for (auto const& section : settings_sections()) {
    auto const mark = section.is_always ? "" : "# ";
    out += "\n# " + std::string(section.help) + "\n";
    if (!section.name.empty()) out += mark + header(section) + "\n";
    for (auto const& row : settings_table()) {
      if (row.section != section.name) continue;
      out += std::string(row.required ? mark : "# ") + std::string(row.key) + " = " + sample(row);
      out += "  # " + plain(row.help);
      if (auto const limits = range(row); !limits.empty()) out += " (" + limits + ")";
      out += "\n";
    }
  }
  return out;
}

std::string reference_text() {
  std::string out =
      "# Configuration\n\n"
      "One TOML file, given by `--config`. This page is written from the table in the program\n"
      "(`hotside config reference`), and so is `deploy/hotside.example.toml` (`hotside config "
      "example`).\n\n"
      "* `hotside config check --config FILE` names every problem with file, line and key.\n"
      "* Each value but a list can be overridden by its variable. For `[[node]]` a variable means "
      "the\n  only node there is.\n"
      "* File names are taken relative to the working directory: write absolute ones.\n"
      "* Secrets stand in files of their own and are never printed or logged.\n"
      "* SIGHUP reads the tokens, the certificate, the webhooks and the log level again; "
      "everything "
      "else needs a restart.\n";
  for (auto const& section : settings_sections()) {
    out +=
        "\n## " + (section.name.empty() ? std::string("Top level") : "`" + header(section) + "`");
    out += "\n\n" + std::string(section.help) + ".\n";
    out += "\n| key | type | default | variable | meaning |\n|---|---|---|---|---|\n";
    for (auto const& row : settings_table()) {
      if (row.section != section.name) continue;
      auto const fallback = row.required           ? std::string("required")
                            : row.fallback.empty() ? std::string("none")
                                                   : "`" + std::string(row.fallback) + "`";
      out += "| `" + std::string(row.key) + "` | " + std::string(to_string(row.kind));
      if (auto const limits = range(row); !limits.empty()) out += ", " + limits;
      out += " | " + fallback + " | ";
      out += row.kind == Kind::texts ? "none" : "`" + variable_name(row) + "`";
      out += " | " + std::string(row.help) + (row.secret ? " (secret)" : "") + " |\n";
    }
  }
  return out;
}

}  // namespace hotside::app
