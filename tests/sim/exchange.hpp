#pragma once
// An exchange as product.md advises one: it reads the feed page by page from its own cursor,
// credits each (UTXO id, epoch) once, and writes books and cursor down together. It may die with a
// page in hand, read pages again, and go back to a copy of its books.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "store/store.hpp"
#include "tests/property/model_chain.hpp"

namespace hotside::sim {

class Exchange {
 public:
  struct Credit {
    std::string address;
    std::int64_t amount = 0;
    bool operator==(Credit const&) const = default;
  };
  using Credits = std::map<std::string, Credit>;  // by deposit id

  // Reads pages until `pages` are read or there is nothing new. Throws std::runtime_error when
  // what it reads contradicts what it knows.
  void poll(store::Snapshot& snapshot, chain::test::Dice& dice, std::uint64_t pages);
  void crash(chain::test::Dice& dice);   // what was not written down is gone
  void backup(chain::test::Dice& dice);  // copies its books, or goes back to the copy
  void doubt(chain::test::Dice& dice);   // reads again from further back

  Credits const& credits() const { return now_.credits; }
  std::uint64_t cursor() const { return now_.cursor; }

 private:
  struct Books {
    Credits credits;
    std::uint64_t cursor = 0;
    std::string feed;
  };
  void take(model::OutboxEvent const& event);

  Books now_, written_, copy_;
  std::map<std::uint64_t, std::string> seen_;  // what each number said, whenever it was read
};

}  // namespace hotside::sim
