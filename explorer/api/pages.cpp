#include <sodium.h>

#include <array>
#include <fstream>
#include <sstream>

#include "explorer/api/handlers.hpp"
#include "explorer/api/readiness.hpp"
#include "explorer/api/static_files.hpp"
#include "proto/base/bytes.hpp"

namespace hotside::api {
namespace {

struct PageType {
  std::string_view suffix, type;
};
constexpr std::array<PageType, 4> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

// No inline code, nothing from elsewhere, no frame around it: a label that a user chose must never
// become a script in an operator's browser.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::optional<std::string> read_disk(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) return std::nullopt;
  return text.str();
}

std::string etag_of(std::string_view content) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), as_bytes(content).data(), content.size());
  return '"' + to_hex(std::span(hash).first(16)) + '"';
}

bool names(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

Response html(std::string body) {
  return Response{
      200,
      "text/html; charset=utf-8",
      std::move(body),
      {{"Content-Security-Policy", std::string(kPolicy)}, {"Cache-Control", "no-cache"}}};
}

// As store/audit.hpp defines it.
constexpr std::string_view kAuditPage =
    "<h1>The audit log</h1>"
    "<p><code>GET /v1/audit</code> lists every write of a known token, oldest first: what was "
    "done, "
    "and what the service understood and refused, under the name of its problem. A request that "
    "was never understood (a body that is not as described) or not allowed (401, 403, 429) wrote "
    "nothing and stands in the log of the service alone. Pass <code>next</code> as "
    "<code>after</code> until it is "
    "<code>null</code>. Entries are numbered from 1 without holes and are never changed.</p>"
    "<p>Each entry carries the hash of the one before, so that nobody can change, drop or insert "
    "one without changing every hash after it. Whoever keeps the last <code>hash</code> he saw can "
    "prove it later.</p>"
    "<h2>How <code>hash</code> is made</h2>"
    "<p>SHA3-256 over these bytes, one after the other:</p><ol>"
    "<li>the 32 bytes of <code>previous</code>; 32 zero bytes for the first entry</li>"
    "<li><code>n</code>, 8 bytes, little-endian</li>"
    "<li><code>at</code> in milliseconds since 1970-01-01T00:00:00Z, 8 bytes, little-endian</li>"
    "<li><code>who</code>, <code>role</code>, <code>action</code>, <code>target</code>, "
    "<code>outcome</code>, <code>request_id</code>: of each the length of its UTF-8 text in bytes "
    "(8 bytes, little-endian), then the text</li></ol>"
    "<p>In Python:</p><pre>import hashlib, datetime as d\n\n"
    "def audit_hash(e):\n"
    "    at = d.datetime.fromisoformat(e[\"at\"].replace(\"Z\", \"+00:00\"))\n"
    "    since = at - d.datetime(1970, 1, 1, tzinfo=d.timezone.utc)\n"
    "    h = hashlib.sha3_256(bytes.fromhex(e[\"previous\"]))\n"
    "    h.update(e[\"n\"].to_bytes(8, \"little\"))\n"
    "    h.update((since // d.timedelta(milliseconds=1)).to_bytes(8, \"little\"))\n"
    "    for name in (\"who\", \"role\", \"action\", \"target\", \"outcome\", "
    "\"request_id\"):\n"
    "        text = e[name].encode()\n"
    "        h.update(len(text).to_bytes(8, \"little\") + text)\n"
    "    return h.hexdigest()</pre>";

}  // namespace

std::string_view embedded_file(std::string_view name) {
  for (auto const& file : embedded::files())
    if (file.name == name) return file.bytes;
  return {};
}

std::optional<Response> static_file(std::string_view name,
                                    std::optional<std::filesystem::path> const& directory,
                                    std::string_view if_none_match) {
  std::string_view type;
  for (auto const& candidate : kTypes)
    if (name.ends_with(candidate.suffix)) type = candidate.type;
  // The embedded list is also the list of what may be read from disk: no path leaves the folder.
  if (type.empty() || embedded_file(name).empty()) return std::nullopt;
  std::string content(embedded_file(name));
  if (directory) content = read_disk(*directory / name).value_or(std::move(content));
  auto const etag = etag_of(content);
  Response response{200, std::string(type), std::move(content), {}};
  if (names(if_none_match, etag)) response = Response{304, {}, {}, {}};
  response.headers = {{"ETag", etag},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", std::string(kPolicy)},
                      {"Referrer-Policy", "no-referrer"}};
  return response;
}

// That this is answered at all says that the net thread turns.
Answer get_healthz(Context const& context, Call const&) {
  if (auto const what = stuck(context.ports.board.read(), context.ports.clock.now()))
    return Response{503, "text/plain; charset=utf-8", *what + "\n", {}};
  return Response{200, "text/plain; charset=utf-8", "ok\n", {}};
}

Answer get_openapi(Context const&, Call const&) {
  return json_response(std::string(embedded_file("openapi.json")));
}

Answer get_errors_page(Context const&, Call const&) { return html(errors_page()); }

Answer get_audit_page(Context const&, Call const&) {
  return html(text_page("audit log", kAuditPage));
}

// The guides of docs/, as they stand there; their links to each other hold here, too.
Answer get_guide(Context const&, Call const& call) {
  auto const text = embedded_file(call.path_parameter);
  if (text.empty() || !call.path_parameter.ends_with(".md"))
    return refuse(Problem::not_found, "no such guide; begin with /docs/integration.md");
  return Response{
      200, "text/plain; charset=utf-8", std::string(text), {{"Cache-Control", "no-cache"}}};
}

Answer get_dashboard(Context const& context, Call const& call) {
  return *static_file("index.html", context.options.dashboard_dir, call.if_none_match);
}

Answer get_dashboard_file(Context const& context, Call const& call) {
  auto file = static_file(call.path_parameter, context.options.dashboard_dir, call.if_none_match);
  if (!file) return refuse(Problem::not_found, "no such file");
  return std::move(*file);
}

}  // namespace hotside::api
