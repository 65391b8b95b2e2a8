#pragma once
// Who may do what: bearer tokens, of which only the SHA-256 is known here.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.hpp"

namespace hotside::api {

enum class Role : std::uint8_t { none, read, manage, relay, admin };
std::string_view to_string(Role role);
std::optional<Role> role_by_name(std::string_view name);  // the four that a token can have

// Whether a caller in role `has` may use a route that needs role `needs`.
bool allows(Role has, Role needs);

struct Token {
  std::string name;
  Role role = Role::read;
  std::array<std::uint8_t, 32> sha256{};  // of the token's text
};

// tokens.toml: [[token]] with name, role, sha256 (hex). The error names file and line.
Result<std::vector<Token>> read_tokens(std::filesystem::path const& file);
Result<std::vector<Token>> parse_tokens(std::string_view toml, std::string const& file_name);

struct Caller {
  std::string name;
  Role role = Role::none;
};

class Authorizer {
 public:
  // Without tokens (nullopt) every caller is admin: only for a server that listens on loopback.
  explicit Authorizer(std::optional<std::vector<Token>> tokens) : tokens_(std::move(tokens)) {}

  bool is_open() const { return !tokens_.has_value(); }
  // `authorization` is the header's value, empty when absent. nullopt: no or unknown credentials.
  std::optional<Caller> caller(std::string_view authorization) const;
  void replace(std::optional<std::vector<Token>> tokens) { tokens_ = std::move(tokens); }

 private:
  std::optional<std::vector<Token>> tokens_;
};

}  // namespace hotside::api
