#pragma once
// Compression of answers.

#include <string_view>

#include "explorer/api/http.hpp"

namespace hotside::api {

inline constexpr std::size_t kGzipMin = 16 * 1024;  // below, it costs more than it saves

// Whether an Accept-Encoding header takes gzip.
bool accepts_gzip(std::string_view accept_encoding);
// Compresses a body of at least kGzipMin where the client takes it.
void compress(Response& response, std::string_view accept_encoding);

}  // namespace hotside::api
