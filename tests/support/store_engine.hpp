#pragma once
// The tests of the store run against every engine there is: each is a name and a way to make a url
// of an empty store.

#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace hotside::test {

struct StoreEngine {
  std::string name;
  std::string (*url)(TempDir const& dir);
};

inline std::vector<StoreEngine> store_engines() {
  return {{"sqlite", [](TempDir const& dir) { return "sqlite:" + (dir.path() / "db").string(); }}};
}

}  // namespace hotside::test
