#include "explorer/app/files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>

namespace hotside::app {

Result<std::string> read_small_file(std::string const& path) {
  constexpr std::size_t limit = 1U << 20;
  auto const said = [&path] {
    return fail(Fault::rejected,
                "cannot read " + path + ": " + std::generic_category().message(errno));
  };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  if (!file) return said();
  std::string text(limit + 1, '\0');
  errno = 0;
  auto const got = std::fread(text.data(), 1, text.size(), file.get());
  if (std::ferror(file.get()) != 0) return said();
  if (got > limit) return fail(Fault::rejected, path + " is larger than 1 MiB");
  text.resize(got);
  return text;
}

std::string trimmed(std::string const& text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  auto const first = text.find_first_not_of(kSpace);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace hotside::app
