#pragma once
// A directory of the test's own, gone with it.

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace hotside::test {

class TempDir {
 public:
  TempDir() {
    // In memory where there is such a place: what is tested is not the disk.
    std::filesystem::path const memory = "/dev/shm";
    auto const base =
        std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string pattern = (base / "hotside-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(TempDir const&) = delete;
  TempDir& operator=(TempDir const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace hotside::test
