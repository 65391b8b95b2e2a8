#pragma once
// Every setting of the service: one table that parsing, `hotside config check`, the example file
// and the documentation are made from, and the values it fills in.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "explorer/webhook/configure.hpp"
#include "proto/base/units.hpp"
#include "proto/model/network.hpp"
#include "proto/wire/frame.hpp"

namespace hotside::app {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

struct Listen {
  std::string host;  // an IP address
  std::uint16_t port = 0;
  bool is_loopback() const;
  std::string text() const;  // as parse_listen takes it
};
std::optional<Listen> parse_listen(std::string_view text);  // "127.0.0.1:8080", "[::1]:0"

struct NodeSettings {
  std::string name, endpoint, token_file;
  std::optional<wire::Token> token;  // read when the service is to run, absent for a client
};

struct Settings {
  model::Network network;
  std::vector<NodeSettings> nodes;
  std::uint32_t confirm_nodes = 0;
  std::chrono::seconds revert_grace{0};
  Epoch start_epoch;
  std::string store_url;
  Listen listen;
  std::string tokens_file;        // empty: none
  std::string tls_cert, tls_key;  // both, or both empty: plain HTTP
  std::uint64_t max_body_bytes = 0, max_connections = 0, requests_per_second = 0;
  std::chrono::seconds max_lag{0}, stall_after{0};
  std::int64_t max_fee = 0;  // µSTG, of one transaction
  std::vector<webhook::Configured> webhooks;
  std::optional<Listen> relay_listen;  // empty: no relay
  std::optional<wire::Token> relay_token;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;

  // Where each value came from, by key ("store.url" → "hotside.toml:17"), for problems that only
  // show later.
  std::map<std::string, std::string, std::less<>> origins;
  std::string problem(std::string_view key, std::string_view what) const;
};

// ---- the table
// -----------------------------------------------------------------------------------

using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
enum class Kind : std::uint8_t { text, integer, boolean, texts };  // as in Value
std::string_view to_string(Kind kind);

// Who reads the configuration: a client needs the service's address only, and may not be allowed to
// read the secrets.
enum class Reader : std::uint8_t { service, client };

struct Row {
  std::string_view section{};  // "" for the top level
  std::string_view key{};
  Kind kind = Kind::text;
  bool required = false;
  std::string_view fallback{};  // as it would stand in the environment; empty: none
  std::int64_t min = 0, max = 0;
  bool secret = false;  // names a file whose content is never shown
  std::string_view example{};
  std::string_view help{};
  // Stores the value, or says what is wrong with it.
  std::optional<std::string> (*take)(Settings&, Value const&, Reader) = nullptr;
};

struct Section {
  std::string_view name{};
  bool is_list = false;    // [[name]]
  bool is_always = false;  // has values even where the file does not name it
  std::string_view help{};
};

std::span<Row const> settings_table();
std::span<Section const> settings_sections();
std::string full_key(Row const& row);       // "http.listen"
std::string variable_name(Row const& row);  // "HOTSIDE_HTTP_LISTEN"

std::string example_text();    // deploy/hotside.example.toml
std::string reference_text();  // docs/configuration.md

}  // namespace hotside::app
