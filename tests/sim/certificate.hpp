#pragma once
// Completeness certificates as product.md section 4 defines them, worked out from the macro block
// and from who is registered when it is taken in.

#include <cstdint>
#include <set>
#include <string>

#include "proto/base/units.hpp"
#include "store/certificates.hpp"
#include "tests/sim/oracle.hpp"

namespace hotside::sim {

struct Certificate {
  struct Part {
    std::uint64_t count = 0;
    Sum amount = 0;
    std::string hash;  // hex
    bool operator==(Part const&) const = default;
  };
  std::uint64_t epoch = 0;
  std::string macro;
  Part all, matched;
  std::uint64_t feed_seq = 0;

  static Certificate of(oracle::Macro const& block, oracle::Book const& book,
                        std::uint64_t feed_seq);
  static Certificate of(store::Certificate const& stored);
  bool operator==(Certificate const&) const = default;

  // What it must be called, after one of this name (64 zeros: after none).
  std::string name(std::string const& hrp, std::string const& feed,
                   std::string const& previous) const;
};

}  // namespace hotside::sim
