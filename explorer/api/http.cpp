#include "explorer/api/http.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "proto/base/bytes.hpp"

namespace hotside::api {
namespace {

constexpr std::size_t kSegmentsMax = 16;
constexpr std::size_t kParametersMax = 64;

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      std::array<std::uint8_t, 1> byte{};
      if (i + 2 >= text.size() || !from_hex(text.substr(i + 1, 2), byte)) return std::nullopt;
      out.push_back(static_cast<char>(byte[0]));
      i += 2;
    } else if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Result<void> parse_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    auto const end = query.find('&');
    auto const pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (pair.empty()) continue;
    auto const equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value) return fail(Fault::rejected, "the query has a bad percent escape");
    if (target.query.size() >= kParametersMax)
      return fail(Fault::rejected, "the query has too many parameters");
    auto const [at, is_new] = target.query.emplace(std::move(*name), std::move(*value));
    if (!is_new)
      return fail(Fault::rejected, "the parameter '" + at->first.substr(0, 64) + "' is given twice",
                  "repeated");
  }
  return {};
}

}  // namespace

Response json_response(std::string body, int status) {
  return Response{status, "application/json", std::move(body), {}};
}

Response no_content() { return Response{204, {}, {}, {}}; }

Result<Target> parse_target(std::string_view target) {
  Target out;
  for (std::string_view const scheme : {"http://", "https://"}) {  // absolute form
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    auto const path = std::min(target.find_first_of("/?"), target.size());
    out.host = target.substr(0, path);
    if (out.host->empty() || out.host->find('@') != std::string::npos)
      return fail(Fault::rejected, "the request target has no host of its own");
    target = path == target.size() ? std::string_view("/") : target.substr(path);
    break;
  }
  auto const question = target.find('?');
  auto path = target.substr(0, question);
  if (!path.starts_with('/')) return fail(Fault::rejected, "the request target is not a path");
  if (question != std::string_view::npos)
    if (auto parsed = parse_query(target.substr(question + 1), out); !parsed)
      return fail(std::move(parsed.error()));
  path.remove_prefix(1);
  while (!path.empty()) {
    auto const slash = path.find('/');
    auto segment = percent_decode(path.substr(0, slash), false);
    if (!segment) return fail(Fault::rejected, "the path has a bad percent escape");
    if (out.segments.size() >= kSegmentsMax) return fail(Fault::rejected, "the path is too deep");
    out.segments.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) out.segments.emplace_back();  // a trailing slash names something else
  }
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                  '\0');
  sodium_bin2base64(out.data(), out.size(), as_bytes(bytes).data(), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.pop_back();  // the terminating zero
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  char const* end = nullptr;
  int const rc = sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                   text.data(), text.size(), nullptr, &size, &end,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  if (rc != 0 || end != text.data() + text.size()) return std::nullopt;
  out.resize(size);
  return out;
}

std::string request_id(std::string_view offered) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
  if (!offered.empty() && offered.size() <= 128 &&
      offered.find_first_not_of(kAllowed) == std::string_view::npos)
    return std::string(offered);
  std::array<std::uint8_t, 16> random{};
  randombytes_buf(random.data(), random.size());
  return to_hex(random);
}

}  // namespace hotside::api
