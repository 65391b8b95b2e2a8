#include "explorer/app/client.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "explorer/app/config.hpp"
#include "explorer/app/files.hpp"

namespace hotside::app {
namespace {

// What may stand in a header field as it is.
bool is_one_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<std::string> read_token(Access const& access) {
  std::string text;
  if (!access.token_file.empty()) {
    HS_TRY(read, read_small_file(access.token_file));
    text = std::move(read);
  } else if (auto const* const variable = std::getenv("HOTSIDE_TOKEN")) {
    text = variable;
  }
  auto token = trimmed(text);
  if (is_one_word(token)) return token;
  return fail(Fault::rejected, (access.token_file.empty() ? "HOTSIDE_TOKEN" : access.token_file) +
                                   ": a token is one word, of visible ASCII characters");
}

Result<Peer> peer_of_url(std::string const& url) {
  auto const wrong = [&url](char const* what) {
    return fail(Fault::rejected, "--url: \"" + url + "\" " + what);
  };
  bool const has_tls = url.starts_with("https://");
  if (!has_tls && !url.starts_with("http://"))
    return wrong("does not start with http:// or https://");
  auto rest = std::string_view(url).substr(url.find("//") + 2);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  auto const colon = rest.rfind(':');
  auto const has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  auto const port =
      has_port ? parse_u64(rest.substr(colon + 1)) : std::uint64_t{has_tls ? 443U : 80U};
  std::string host(has_port ? rest.substr(0, colon) : rest);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  bool const has_odd = host.find_first_of("/@ \r\n") != std::string::npos;
  if (host.empty() || has_odd || !port || *port == 0 || *port > 65535)
    return wrong("is not http://host:port or https://host:port");
  return Peer{std::move(host), static_cast<std::uint16_t>(*port), has_tls};
}

Result<Peer> peer_of(Access const& access) {
  if (access.url.empty() == access.config.empty())
    return fail(Fault::rejected, "give either --config FILE or --url URL");
  if (access.config.empty()) return peer_of_url(access.url);
  HS_TRY(read, read_configuration_file(access.config, process_environment(), Reader::client));
  if (!read.problems.empty()) return fail(Fault::rejected, read.problems.front().text());
  auto listen = read.settings.listen;
  if (listen.host == "0.0.0.0") listen.host = "127.0.0.1";
  if (listen.host == "::") listen.host = "::1";
  auto& certificate = read.settings.tls_cert;
  return Peer{std::move(listen.host), listen.port, !certificate.empty(), std::move(certificate)};
}

// What the service says is wrong, in its own words (RFC 9457).
std::string words_of(Answer const& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element problem;
  auto text = "the service answered " + std::to_string(answer.status);
  if (parser.parse(answer.body).get(problem) != simdjson::SUCCESS) return text;
  for (auto const* key : {"title", "detail"}) {
    std::string_view value;
    if (problem[key].get(value) == simdjson::SUCCESS) text += ": " + std::string(value);
  }
  return text;
}

constexpr std::chrono::seconds kPieceDeadline{90};

}  // namespace

Result<Client> Client::open(Access const& access) {
  HS_TRY(peer, peer_of(access));
  HS_TRY(token, read_token(access));
  return Client(std::move(peer), std::move(token));
}

std::string Client::head(std::string_view method, std::string_view target,
                         std::vector<Field> const& fields) const {
  auto text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + address() +
              "\r\nUser-Agent: hotside\r\nConnection: close\r\n";
  if (!token_.empty()) text += "Authorization: Bearer " + token_ + "\r\n";
  for (auto const& [name, value] : fields)
    text += std::string(name) + ": " + std::string(value) + "\r\n";
  return text + "\r\n";
}

Result<Answer> Client::ask(std::string_view method, std::string_view target, std::string body,
                           std::chrono::seconds deadline,
                           std::string const& idempotency_key) const {
  if (!is_one_word(idempotency_key))
    return fail(Fault::rejected, "an Idempotency-Key has visible ASCII characters only");
  auto const size = std::to_string(body.size());
  std::vector<Field> fields;
  if (!body.empty()) fields.emplace_back("Content-Type", "application/json");
  if (!body.empty() || method != "GET") fields.emplace_back("Content-Length", size);
  if (!idempotency_key.empty()) fields.emplace_back("Idempotency-Key", idempotency_key);
  return exchange(peer_, head(method, target, fields) + body, deadline);
}

Result<std::string> Client::get(std::string_view target) const { return send("GET", target, {}); }

Result<std::string> Client::send(std::string_view method, std::string_view target, std::string body,
                                 std::string const& idempotency_key) const {
  HS_TRY(answer, ask(method, target, std::move(body), std::chrono::seconds(75), idempotency_key));
  if (answer.status / 100 != 2) return fail(Fault::rejected, words_of(answer));
  return std::move(answer.body);
}

Result<std::string> Client::upload(std::string_view target, std::string_view content_type,
                                   std::istream& body,
                                   std::function<void(std::uint64_t)> const& sent) const {
  auto const request =
      head("POST", target, {{"Content-Type", content_type}, {"Transfer-Encoding", "chunked"}});
  Upload const upload{body, sent};
  HS_TRY(answer, exchange(peer_, request, kPieceDeadline, &upload));
  if (answer.status / 100 != 2) return fail(Fault::rejected, words_of(answer));
  return std::move(answer.body);
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~')
      out += c;
    else
      (((out += '%') += digits[byte >> 4U]) += digits[byte & 15U]);
  }
  return out;
}

}  // namespace hotside::app
