#include "explorer/api/gzip.hpp"

#include <zlib.h>

#include <string>

namespace hotside::api {
namespace {

constexpr int kLevel = 1;             // most of the gain for a fraction of the time
constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: with a gzip header
constexpr int kMemory = 8;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Empty when zlib cannot.
std::string gzip(std::string const& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return {};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  bool const is_whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(is_whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace

bool accepts_gzip(std::string_view header) {
  while (!header.empty()) {
    auto const comma = header.find(',');
    auto const entry = trim(header.substr(0, comma));
    header = comma == std::string_view::npos ? std::string_view{} : header.substr(comma + 1);
    auto const semicolon = entry.find(';');
    if (trim(entry.substr(0, semicolon)) != "gzip") continue;
    auto weight = semicolon == std::string_view::npos ? std::string_view("q=1")
                                                      : trim(entry.substr(semicolon + 1));
    // q=0, q=0.0 …: not wanted.
    return !weight.starts_with("q=0") || weight.find_first_of("123456789") != weight.npos;
  }
  return false;
}

void compress(Response& response, std::string_view accept_encoding) {
  if (response.body.size() < kGzipMin || response.source) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!accepts_gzip(accept_encoding)) return;
  auto packed = gzip(response.body);
  if (packed.empty()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace hotside::api
