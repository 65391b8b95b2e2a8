#include "explorer/app/manual_page.hpp"

#include "explorer/app/version.hpp"

namespace hotside::app {
namespace {

// troff takes a dash for a hyphen, and a dot at the start of a line for a request.
std::string plain(std::string const& text) {
  std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (char const c : text) {
    if (c == '-')
      out += "\\-";
    else if (c == '\\')
      out += "\\e";
    else
      out += c;
  }
  return out;
}

std::string value_of(OptionText const& option) {
  if (option.choices.empty()) return option.value;
  std::string all;
  for (auto const& choice : option.choices) all += (all.empty() ? "" : "|") + choice;
  return all;
}

// hotside address add [OPTIONS] ADDRESS...
std::string synopsis(CommandText const& command) {
  auto line = ".B " + plain(command.path) + "\n[OPTIONS]";
  for (auto const& option : command.options) {
    if (option.is_required && !option.is_positional())
      line += " " + plain(option.names.back() + " " + value_of(option));
    if (option.is_positional())
      line += " " + plain(value_of(option)) + (option.is_repeated ? "..." : "");
  }
  return line + "\n";
}

std::string described(OptionText const& option) {
  std::string head;
  for (auto const& name : option.names)
    head += (head.empty() ? "\\fB" : ", \\fB") + plain(name) + "\\fR";
  if (!option.value.empty())
    head += (head.empty() ? "\\fI" : " \\fI") + plain(value_of(option)) + "\\fR";
  auto help = option.help;
  if (!option.default_value.empty()) help += " (default " + option.default_value + ")";
  if (option.is_required) help += " (required)";
  return ".TP\n" + head + "\n" + plain(help) + "\n";
}

std::string section(CommandText const& command) {
  auto text =
      ".SS " + plain(command.path) + "\n" + plain(command.help) + ".\n.PP\n" + synopsis(command);
  for (auto const& option : command.options) text += described(option);
  return text;
}

char const* const kClosing = R"(.SH EXIT STATUS
.TP
0
done
.TP
1
failed, or something was found
.TP
2
wrong usage or configuration; the text says what
.SH ENVIRONMENT
.TP
\fBHOTSIDE_TOKEN\fR
the API token, for commands that speak to a running service
.TP
\fBHOTSIDE_\fISECTION\fB_\fIKEY\fR
overrides a setting of the configuration, \fBHOTSIDE_HTTP_LISTEN\fR for example
.SH FILES
.TP
\fI/etc/hotside/hotside.toml\fR
the configuration of the service as it is usually installed; \fBhotside config reference\fR describes every setting
.SH SEE ALSO
\fI/docs/\fR and \fI/openapi.json\fR of a running service
)";

}  // namespace

std::string manual_page(CommandText const& root) {
  std::string page =
      "'\\\" -*- coding: UTF-8 -*-\n.TH HOTSIDE 1 \"\" \"hotside " + std::string(kVersion) +
      "\" \"User Commands\"\n.SH NAME\nhotside \\- deposits of a Stegos chain, and their "
      "finality\n.SH SYNOPSIS\n";
  std::string sections;
  for (auto const* command : all_commands(root)) {
    if (!command->commands.empty()) continue;  // a group alone does nothing
    page += synopsis(*command) + ".br\n";
    sections += section(*command);
  }
  page += ".SH DESCRIPTION\n" + plain(root.help) + "\n";
  for (auto const& option : root.options) page += described(option);
  return page + ".SH COMMANDS\n" + sections + kClosing;
}

}  // namespace hotside::app
