#pragma once
// Another history over the same chain: from some macro block on, every block is shown with another
// hash, itself consistent and linked to its disguised predecessor. The true chain goes on below, so
// that the disguise can be taken off again.

#include <cstdint>
#include <map>

#include "chainclient/simnode/blocks.hpp"
#include "chainclient/simnode/keys.hpp"

namespace hotside::simnode {

class Disguise {
 public:
  // `from`: the first macro block to look different.
  void put_on(View const& truth, std::uint64_t from, Rng& rng);
  void take_off();
  void on_new(MicroPtr const& micro) { static_cast<void>(learn(micro)); }
  void on_new(MacroPtr const& macro) { static_cast<void>(learn(macro)); }

  MicroPtr seen(MicroPtr const& truth) const;
  MacroPtr seen(MacroPtr const& truth) const;

 private:
  MicroPtr learn(MicroPtr const& truth);
  MacroPtr learn(MacroPtr const& truth);

  std::map<Hash, MicroPtr> micros_;  // by true hash
  std::map<Hash, MacroPtr> macros_;
};

}  // namespace hotside::simnode
