#include "explorer/api/tokens.hpp"

#include <sodium.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "proto/base/bytes.hpp"
#include "proto/base/invariant.hpp"

namespace hotside::api {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 5> kRoles{{
    {Role::none, "none"},
    {Role::read, "read"},
    {Role::manage, "manage"},
    {Role::relay, "relay"},
    {Role::admin, "admin"},
}};

std::string at(std::string const& file, toml::source_region const& where) {
  return file + ":" + std::to_string(where.begin.line) + ": ";
}

Result<Token> read_token(toml::table const& row, std::string const& file) {
  for (auto const& [key, value] : row)
    if (key != "name" && key != "role" && key != "sha256")
      return fail(Fault::rejected,
                  at(file, value.source()) + "unknown key '" + std::string(key.str()) + "'");
  Token token;
  auto const name = row["name"].value<std::string>();
  if (!name || name->empty() || name->size() > 255)
    return fail(Fault::rejected, at(file, row.source()) + "name: a text of 1 to 255 characters");
  token.name = *name;
  auto const role = role_by_name(row["role"].value_or(std::string()));
  if (!role)
    return fail(Fault::rejected,
                at(file, row.source()) + "role: one of read, manage, relay, admin");
  token.role = *role;
  auto const hash = row["sha256"].value<std::string>();
  if (!hash || !from_hex(*hash, token.sha256))
    return fail(Fault::rejected, at(file, row.source()) + "sha256: 64 hex digits");
  return token;
}

Result<std::vector<Token>> read_table(toml::table const& root, std::string const& file) {
  std::vector<Token> tokens;
  for (auto const& [key, value] : root)
    if (key != "token")
      return fail(Fault::rejected,
                  at(file, value.source()) + "unknown key '" + std::string(key.str()) + "'");
  auto const* const rows = root["token"].as_array();
  if (rows == nullptr) return fail(Fault::rejected, file + ": no [[token]] in it");
  for (auto const& node : *rows) {
    auto const* const row = node.as_table();
    if (row == nullptr)
      return fail(Fault::rejected, at(file, node.source()) + "token: write it as [[token]]");
    auto token = read_token(*row, file);
    if (!token) return fail(std::move(token.error()));
    if (std::ranges::find(tokens, token->name, &Token::name) != tokens.end())
      return fail(Fault::rejected,
                  at(file, row->source()) + "the name '" + token->name + "' is given twice");
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

}  // namespace

std::string_view to_string(Role role) {
  for (auto const& [value, name] : kRoles)
    if (value == role) return name;
  invariant(false, "a role without a name");
  return {};
}

std::optional<Role> role_by_name(std::string_view name) {
  for (auto const& [value, text] : kRoles)
    if (text == name && value != Role::none) return value;
  return std::nullopt;
}

bool allows(Role has, Role needs) {
  switch (needs) {
    case Role::none:
      return true;
    case Role::read:
      return has != Role::none;
    case Role::manage:
    case Role::relay:
    case Role::admin:
      return has == needs || has == Role::admin;
  }
  return false;
}

Result<std::vector<Token>> parse_tokens(std::string_view text, std::string const& file) {
  try {
    return read_table(toml::parse(text, file), file);
  } catch (toml::parse_error const& error) {
    return fail(Fault::rejected, at(file, error.source()) + std::string(error.description()));
  }
}

Result<std::vector<Token>> read_tokens(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) return fail(Fault::rejected, path.string() + ": cannot be read");
  return parse_tokens(text.str(), path.string());
}

std::optional<Caller> Authorizer::caller(std::string_view authorization) const {
  if (!tokens_) return Caller{"local", Role::admin};
  constexpr std::string_view kScheme = "bearer ";
  auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (authorization.size() <= kScheme.size() ||
      !std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, {}, lower))
    return std::nullopt;
  auto const secret = authorization.substr(kScheme.size());
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), as_bytes(secret).data(), secret.size());
  // Every token is compared, each in constant time: timing tells neither which nor how far.
  Token const* found = nullptr;
  for (auto const& token : *tokens_)
    if (sodium_memcmp(hash.data(), token.sha256.data(), hash.size()) == 0) found = &token;
  if (found == nullptr) return std::nullopt;
  return Caller{found->name, found->role};
}

}  // namespace hotside::api
