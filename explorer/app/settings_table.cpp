#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <sstream>

#include "explorer/api/tokens.hpp"
#include "explorer/app/files.hpp"
#include "explorer/app/settings.hpp"
#include "proto/model/feed.hpp"
#include "proto/model/webhook.hpp"

namespace hotside::app {
namespace {

using Complaint = std::optional<std::string>;
constexpr std::int64_t kMaxInteger = INT64_MAX;

std::string const& text_of(Value const& value) { return std::get<std::string>(value); }

Complaint take_network(Settings& settings, Value const& value, Reader) {
  auto network = model::network_by_name(text_of(value));
  if (!network) return "\"" + text_of(value) + "\" is not one of mainnet, testnet, devnet, dev";
  settings.network = std::move(*network);
  return std::nullopt;
}

Complaint take_genesis(Settings& settings, Value const& value, Reader) {
  auto hash = Hash::from_hex(text_of(value));
  if (!hash) return "is not 64 hexadecimal digits";
  settings.network.genesis = *hash;
  return std::nullopt;
}

// "ws://host:port", the port may be left out. Nodes speak no TLS (protocol 1.1).
Complaint take_endpoint(Settings& settings, Value const& value, Reader) {
  std::string_view const text = text_of(value);
  if (text.starts_with("wss://")) return "a node speaks plain ws://, no TLS";
  constexpr std::string_view scheme = "ws://";
  if (!text.starts_with(scheme)) return "\"" + std::string(text) + "\" does not start with ws://";
  auto rest = text.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto const colon = rest.rfind(':');
  auto const has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  auto const host = has_port ? rest.substr(0, colon) : rest;
  auto const is_bad = [](char c) {
    return c == '/' || c == '@' || c == '?' || c == ' ' || c == '#';
  };
  if (host.empty() || std::ranges::any_of(rest, is_bad))
    return "\"" + std::string(text) + "\" is not ws://host:port";
  if (has_port) {
    auto const port = parse_u64(rest.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return "the port is not a number from 1 to 65535";
  }
  settings.nodes.back().endpoint = std::string(scheme) + std::string(rest);
  if (!has_port) settings.nodes.back().endpoint += ":3145";
  if (settings.nodes.back().name.empty()) settings.nodes.back().name = text;
  return std::nullopt;
}

Complaint take_node_token(Settings& settings, Value const& value, Reader reader) {
  auto& node = settings.nodes.back();
  node.token_file = text_of(value);
  if (reader == Reader::client) return std::nullopt;
  auto text = read_small_file(node.token_file);
  if (!text) return text.error().what;
  auto token = wire::Token::parse(*text);
  if (!token) return node.token_file + ": " + token.error().what;
  node.token = *token;
  return std::nullopt;
}

Complaint take_node_name(Settings& settings, Value const& value, Reader) {
  if (text_of(value).empty()) return "is empty";
  settings.nodes.back().name = text_of(value);
  return std::nullopt;
}

Complaint take_store_url(Settings& settings, Value const& value, Reader) {
  constexpr std::string_view scheme = "sqlite:";
  if (!text_of(value).starts_with(scheme) || text_of(value).size() == scheme.size())
    return "\"" + text_of(value) + "\" is not sqlite:PATH";
  settings.store_url = text_of(value);
  return std::nullopt;
}

Complaint take_listen(Settings& settings, Value const& value, Reader) {
  auto listen = parse_listen(text_of(value));
  if (!listen) return "\"" + text_of(value) + "\" is not address:port";
  settings.listen = std::move(*listen);
  return std::nullopt;
}

Complaint take_relay_listen(Settings& settings, Value const& value, Reader) {
  settings.relay_listen = parse_listen(text_of(value));
  if (!settings.relay_listen) return "\"" + text_of(value) + "\" is not address:port";
  return std::nullopt;
}

Complaint take_relay_token(Settings& settings, Value const& value, Reader reader) {
  if (reader == Reader::client) return std::nullopt;
  auto text = read_small_file(text_of(value));
  if (!text) return text.error().what;
  auto token = wire::Token::parse(*text);
  if (!token) return text_of(value) + ": " + token.error().what;
  settings.relay_token = *token;
  return std::nullopt;
}

Complaint take_log_level(Settings& settings, Value const& value, Reader) {
  constexpr std::array<std::string_view, 5> names{"trace", "debug", "info", "warn", "error"};
  auto const found = std::ranges::find(names, text_of(value));
  if (found == names.end())
    return "\"" + text_of(value) + "\" is not one of trace, debug, info, warn, error";
  settings.log_level = static_cast<LogLevel>(found - names.begin());
  return std::nullopt;
}

Complaint take_log_format(Settings& settings, Value const& value, Reader) {
  if (text_of(value) != "text" && text_of(value) != "json")
    return "\"" + text_of(value) + "\" is not one of text, json";
  settings.log_format = text_of(value) == "json" ? LogFormat::json : LogFormat::text;
  return std::nullopt;
}

void store(std::int64_t number, std::uint32_t& field) {
  field = static_cast<std::uint32_t>(number);
}
void store(std::int64_t number, std::int64_t& field) { field = number; }
void store(std::int64_t number, std::uint64_t& field) {
  field = static_cast<std::uint64_t>(number);
}
void store(std::int64_t number, Epoch& field) { store(number, field.value); }
void store(std::int64_t number, std::chrono::seconds& field) {
  field = std::chrono::seconds(number);
}

template <auto Member>
Complaint take_number(Settings& settings, Value const& value, Reader) {
  store(std::get<std::int64_t>(value), settings.*Member);  // within its row's range by now
  return std::nullopt;
}

Complaint check_readable(Settings&, Value const& value, Reader reader) {
  if (reader == Reader::client) return std::nullopt;
  auto text = read_small_file(text_of(value));
  return text ? std::nullopt : Complaint(text.error().what);
}

Complaint take_tokens_file(Settings& settings, Value const& value, Reader reader) {
  settings.tokens_file = text_of(value);
  if (auto complaint = check_readable(settings, value, reader)) return complaint;
  if (reader == Reader::client) return std::nullopt;
  auto tokens = api::read_tokens(settings.tokens_file);
  return tokens ? std::nullopt : Complaint(tokens.error().what);
}

template <auto Member>
Complaint take_file(Settings& settings, Value const& value, Reader reader) {
  settings.*Member = text_of(value);
  return check_readable(settings, value, reader);
}

Complaint take_hook_url(Settings& settings, Value const& value, Reader) {
  auto const url = model::parse_webhook_url(text_of(value));
  if (!url) return url.error().what;
  settings.webhooks.back().url = url->text;
  return std::nullopt;
}

Complaint take_hook_secrets(Settings& settings, Value const& value, Reader reader) {
  if (reader == Reader::client) return std::nullopt;
  auto const text = read_small_file(text_of(value));
  if (!text) return text.error().what;
  auto& secrets = settings.webhooks.back().secrets;
  std::istringstream lines(*text);
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    auto const secret = model::WebhookSecret::parse(line);
    if (!secret) return text_of(value) + ":" + std::to_string(number) + ": " + secret.error().what;
    secrets.push_back(secret->text());
  }
  if (secrets.empty() || secrets.size() > 2)
    return text_of(value) + ": one or two lines are expected, each a secret";
  return std::nullopt;
}

Complaint take_hook_events(Settings& settings, Value const& value, Reader) {
  model::EventTypeSet types = 0;
  for (auto const& name : std::get<std::vector<std::string>>(value)) {
    auto const type = model::event_type(name);
    if (!type) return "\"" + name + "\" is not an event type";
    types |= model::bit(*type);
  }
  if (types == 0) return "names no event type; leave it out to send all";
  settings.webhooks.back().events = types;
  return std::nullopt;
}

Complaint take_hook_privacy(Settings& settings, Value const& value, Reader) {
  settings.webhooks.back().allow_private = std::get<bool>(value);
  return std::nullopt;
}

constexpr std::array kSections{
    Section{.name = "", .is_always = true, .help = "which chain is followed"},
    Section{.name = "node",
            .is_list = true,
            .is_always = true,
            .help = "one or more: the first healthy one is followed, the others stand by"},
    Section{.name = "finality", .is_always = true, .help = "when a payment counts as final"},
    Section{.name = "start", .is_always = true, .help = "where an empty store begins"},
    Section{.name = "store", .is_always = true, .help = "where everything is kept"},
    Section{.name = "http", .is_always = true, .help = "the API and the dashboard"},
    Section{.name = "health", .is_always = true, .help = "when /readyz says no"},
    Section{.name = "cold", .is_always = true, .help = "what is prepared for the offline signer"},
    Section{.name = "relay", .help = "the node's own protocol for clients written for a node"},
    Section{.name = "webhook",
            .is_list = true,
            .help = "events pushed to the exchange; more can be added through the API"},
    Section{.name = "log", .is_always = true, .help = "what is written to the standard error"},
};

constexpr std::array kTable{
    Row{.section = "",
        .key = "network",
        .required = true,
        .example = "\"testnet\"",
        .help = "`mainnet` (stg), `testnet` (stt), `devnet` (str) or `dev` (dev)",
        .take = take_network},
    Row{.section = "",
        .key = "genesis",
        .example = "\"…64 hex digits…\"",
        .help =
            "block hash of macro block 0; known for mainnet, testnet and dev, required for devnet",
        .take = take_genesis},

    Row{.section = "node",
        .key = "endpoint",
        .required = true,
        .example = "\"ws://127.0.0.1:3145\"",
        .help = "where the node's API listens",
        .take = take_endpoint},
    Row{.section = "node",
        .key = "token_file",
        .required = true,
        .secret = true,
        .example = "\"/etc/hotside/api.token\"",
        .help = "file with the node's token: Base64 of 16 bytes, as the node writes it",
        .take = take_node_token},
    Row{.section = "node",
        .key = "name",
        .example = "\"a\"",
        .help = "how the node is called in answers, logs and metrics; the endpoint unless given",
        .take = take_node_name},

    Row{.section = "finality",
        .key = "confirm_nodes",
        .kind = Kind::integer,
        .fallback = "1",
        .min = 1,
        .max = 100,
        .help = "how many nodes must show the same macro block before `committed`",
        .take = take_number<&Settings::confirm_nodes>},
    Row{.section = "finality",
        .key = "revert_grace",
        .kind = Kind::integer,
        .fallback = "60",
        .min = 1,
        .max = 600,
        .help = "seconds that a taken-back block may stay without a successor before its deposits "
                "are reverted",
        .take = take_number<&Settings::revert_grace>},

    Row{.section = "start",
        .key = "epoch",
        .kind = Kind::integer,
        .fallback = "0",
        .min = 0,
        .max = kMaxInteger,
        .help = "first epoch to take in on an empty store; what lies before it is not looked at",
        .take = take_number<&Settings::start_epoch>},

    Row{.section = "store",
        .key = "url",
        .required = true,
        .example = "\"sqlite:/var/lib/hotside/hotside.db\"",
        .help = "the database file; made when it is not there",
        .take = take_store_url},

    Row{.section = "http",
        .key = "listen",
        .fallback = "127.0.0.1:8080",
        .help = "address and port; port 0 lets the system choose one",
        .take = take_listen},
    Row{.section = "http",
        .key = "tokens_file",
        .secret = true,
        .example = "\"/etc/hotside/tokens.toml\"",
        .help = "who may do what; required when `listen` is not loopback, and without it every "
                "caller is `admin`",
        .take = take_tokens_file},
    Row{.section = "http",
        .key = "tls_cert",
        .example = "\"/etc/hotside/cert.pem\"",
        .help = "certificate chain (PEM) for HTTPS; without it the service speaks plain HTTP",
        .take = take_file<&Settings::tls_cert>},
    Row{.section = "http",
        .key = "tls_key",
        .secret = true,
        .example = "\"/etc/hotside/key.pem\"",
        .help = "its private key (PEM, without passphrase)",
        .take = take_file<&Settings::tls_key>},
    Row{.section = "http",
        .key = "max_body_bytes",
        .kind = Kind::integer,
        .fallback = "8388608",
        .min = 1024,
        .max = 1 << 30,
        .help = "largest request body; imports are not counted",
        .take = take_number<&Settings::max_body_bytes>},
    Row{.section = "http",
        .key = "max_connections",
        .kind = Kind::integer,
        .fallback = "1024",
        .min = 1,
        .max = 100'000,
        .help = "connections at one time",
        .take = take_number<&Settings::max_connections>},
    Row{.section = "http",
        .key = "requests_per_second",
        .kind = Kind::integer,
        .fallback = "0",
        .min = 0,
        .max = 1'000'000,
        .help = "requests that each token may send in a second, then 429; 0 is no limit",
        .take = take_number<&Settings::requests_per_second>},

    Row{.section = "health",
        .key = "max_lag",
        .kind = Kind::integer,
        .fallback = "300",
        .min = 1,
        .max = 10'000'000'000,
        .help = "seconds that the tip's block time may lie behind the clock",
        .take = take_number<&Settings::max_lag>},
    Row{.section = "health",
        .key = "stall_after",
        .kind = Kind::integer,
        .fallback = "120",
        .min = 1,
        .max = 10'000'000'000,
        .help = "seconds without a new block while a node is reachable",
        .take = take_number<&Settings::stall_after>},

    Row{.section = "cold",
        .key = "max_fee",
        .kind = Kind::integer,
        .fallback = "1000000",
        .min = 1'000,
        .max = kMaxInteger,
        .help = "largest fee of one transaction in µSTG, against a slip of the hand: the chain has "
                "no maximum",
        .take = take_number<&Settings::max_fee>},

    Row{.section = "relay",
        .key = "listen",
        .required = true,
        .example = "\"127.0.0.1:4145\"",
        .help = "address and port",
        .take = take_relay_listen},
    Row{.section = "relay",
        .key = "token_file",
        .required = true,
        .secret = true,
        .example = "\"/etc/hotside/relay.token\"",
        .help = "file with the token its clients use: Base64 of 16 bytes",
        .take = take_relay_token},

    Row{.section = "webhook",
        .key = "url",
        .required = true,
        .example = "\"https://exchange.example/hooks/stegos\"",
        .help = "where events are POSTed",
        .take = take_hook_url},
    Row{.section = "webhook",
        .key = "secret_file",
        .required = true,
        .secret = true,
        .example = "\"/etc/hotside/webhook.secret\"",
        .help = "one or two lines: `whsec_…`, the present secret first; with two, each request "
                "carries two signatures",
        .take = take_hook_secrets},
    Row{.section = "webhook",
        .key = "events",
        .kind = Kind::texts,
        .example = "[\"deposit.committed\", \"deposit.reverted\"]",
        .help = "event types to send; all unless given",
        .take = take_hook_events},
    Row{.section = "webhook",
        .key = "allow_private",
        .kind = Kind::boolean,
        .fallback = "false",
        .help = "allow a private, loopback or link-local target",
        .take = take_hook_privacy},

    Row{.section = "log",
        .key = "level",
        .fallback = "info",
        .help = "`trace`, `debug`, `info`, `warn` or `error`",
        .take = take_log_level},
    Row{.section = "log",
        .key = "format",
        .fallback = "text",
        .help = "`text`, or `json` with one object on each line",
        .take = take_log_format},
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::span<Row const> settings_table() { return kTable; }
std::span<Section const> settings_sections() { return kSections; }

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "text";
    case Kind::integer:
      return "integer";
    case Kind::boolean:
      return "boolean";
    case Kind::texts:
      return "list of texts";
  }
  return "";
}

std::string full_key(Row const& row) {
  return row.section.empty() ? std::string(row.key)
                             : std::string(row.section) + "." + std::string(row.key);
}

std::string variable_name(Row const& row) {
  auto const section = row.section.empty() ? "" : upper(row.section) + "_";
  return "HOTSIDE_" + section + upper(row.key);
}

std::string Settings::problem(std::string_view key, std::string_view what) const {
  auto const origin = origins.find(key);
  std::string const where = origin == origins.end() ? "" : origin->second + ": ";
  return where + std::string(key) + ": " + std::string(what);
}

std::optional<Listen> parse_listen(std::string_view text) {
  auto const colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  auto const port = parse_u64(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return std::nullopt;  // an IPv6 address stands in brackets
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  if (error) return std::nullopt;
  return Listen{std::move(host), static_cast<std::uint16_t>(*port)};
}

std::string Listen::text() const {
  auto const shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return shown + ":" + std::to_string(port);
}

bool Listen::is_loopback() const {
  boost::system::error_code error;
  auto const address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace hotside::app
