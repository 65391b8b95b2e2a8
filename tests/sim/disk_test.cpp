// What the store promises of a disk that loses what was not synced.

#include <catch2/catch.hpp>

#include "store/database.hpp"
#include "store/store.hpp"
#include "tests/sim/disk.hpp"
#include "tests/support/blocks.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_clock.hpp"

using namespace hotside;
using namespace hotside::test;
using sim::Dice;
using sim::Disk;

namespace {

struct Machine {
  Disk disk;
  TempDir folder;
  TestClock clock;
  std::string url = "sqlite:" + (folder.path() / "db").string();

  Machine() {
    Disk::install();
    disk.mount();
  }
  Result<std::unique_ptr<store::Database>> open() {
    return store::Database::open(url, {"stt", bytes_of<Hash>(0, 99)}, clock);
  }
  // False: the machine stopped before it was said to be committed.
  bool add(store::Database& database, std::uint64_t key) {
    auto txn = database.begin();
    if (!txn) return false;
    std::vector<model::NewAddress> const addresses{{key_of(key), std::nullopt, std::nullopt}};
    return (*txn)->add_addresses(addresses, clock.now()) && (*txn)->commit();
  }
  std::uint64_t addresses() {
    auto reader = store::open_reader(url);
    REQUIRE(reader);
    auto view = (*reader)->snapshot();
    REQUIRE(view);
    return (*view)->counts().value().addresses;
  }
};

}  // namespace

TEST_CASE("what was committed is there after a loss of power, in a new store too") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    Machine machine;
    {
      auto database = machine.open();
      REQUIRE(database);
      REQUIRE(machine.add(**database, 1));
    }
    machine.disk.restart(true, dice);
    auto database = machine.open();
    REQUIRE(database);
    CHECK(machine.addresses() == 1);
  }
}

TEST_CASE("what was read after a kill is there after a loss of power") {
  bool seen_uncertain = false;
  for (std::uint64_t write = 1; write <= 12; ++write) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      INFO("write " << write << " seed " << seed);
      Dice dice(seed);
      Machine machine;
      bool said = false;
      {
        auto database = machine.open();
        REQUIRE(database);
        REQUIRE(machine.add(**database, 1));
        machine.disk.stop_at(write);
        said = machine.add(**database, 2);
      }
      if (!machine.disk.stopped()) continue;
      machine.disk.restart(false, dice);
      std::uint64_t read = 0;
      {
        auto database = machine.open();
        REQUIRE(database);
        read = machine.addresses();
        seen_uncertain = seen_uncertain || (read == 2 && !said);
        // The machine goes with everything open.
        machine.disk.stop_at(1);
      }
      machine.disk.restart(true, dice);
      auto database = machine.open();
      REQUIRE(database);
      CHECK(machine.addresses() == read);
    }
  }
  CHECK(seen_uncertain);  // a commit that nobody was told of, and that counts
}
