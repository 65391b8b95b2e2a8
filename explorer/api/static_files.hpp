#pragma once
// The dashboard's files: compiled in, or read from disk in development.

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "explorer/api/http.hpp"
#include "proto/base/embedded.hpp"

namespace hotside::api {

namespace embedded {
std::span<EmbeddedFile const> files();  // made by hs_embed
}
std::string_view embedded_file(std::string_view name);  // empty when there is none

// 200 with an ETag made of the content, 304 when `if_none_match` names it, nullopt when there is no
// such file. `directory` set: read from there (development only: it blocks).
std::optional<Response> static_file(std::string_view name,
                                    std::optional<std::filesystem::path> const& directory,
                                    std::string_view if_none_match);

}  // namespace hotside::api
