// Killed or failing at any write, the store is where some uninterrupted run would have been.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/crash/faulty_vfs.hpp"
#include "tests/support/ingest_rig.hpp"
#include "tests/support/random_history.hpp"

using namespace hotside;
using namespace hotside::test;

namespace {

// Everything that a step may change, except what names this very store.
struct State {
  std::size_t macros = 0;
  std::vector<std::pair<Hash, bool>> micros;
  std::vector<model::Deposit> deposits;
  std::vector<std::string> events;
  bool operator==(State const&) const = default;
};

State state_of(Rig& rig) {
  State state;
  auto const chain = must(rig.database().chain());
  state.macros = chain.macro_hashes.size();
  for (auto const& micro : chain.micros) state.micros.emplace_back(micro.hash, micro.held);
  state.deposits = rig.deposits();
  for (auto const& event : rig.events()) {
    auto json = event.json;
    json.replace(json.find(field(json, "feed")), 32, "");
    state.events.push_back(std::move(json));
  }
  return state;
}

struct Script {
  std::vector<model::ChainEvent> events;
  std::vector<State> states;  // before each event, and after the last
};

// Step `i` happens at its own time, in every run.
void play(Rig& rig, Script const& script, TestClock& clock, std::size_t i) {
  clock.set(static_cast<std::int64_t>(i) * 1000);
  rig.apply(script.events[i]);
}

Script make_script(std::uint64_t seed, int length) {
  Script script;
  RandomHistory history(seed);
  script.events.push_back(history.start());
  while (static_cast<int>(script.events.size()) < length) script.events.push_back(history.next());
  TestClock clock;
  clock.set(0);
  Rig rig{clock};
  rig.add({0, 1, 2, 3});
  for (std::size_t i = 0; i < script.events.size(); ++i) {
    script.states.push_back(state_of(rig));
    play(rig, script, clock, i);
  }
  script.states.push_back(state_of(rig));
  return script;
}

// Plays on from `from` and is killed at the n-th write; ends by itself only when all is played.
int play_until_killed(std::string const& url, Script const& script, std::size_t from,
                      std::uint64_t n) {
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    TestClock clock;
    arm(DiskFault::kill, n);
    {
      Rig rig{clock, url};
      for (std::size_t i = from; i < script.events.size(); ++i) play(rig, script, clock, i);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

std::uint64_t first_seed() {
  char const* const given = std::getenv("HOTSIDE_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

}  // namespace

TEST_CASE("killed at any write, a restart goes on with nothing lost and nothing doubled") {
  install_faulty_vfs();
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 3; ++seed) {
    INFO("HOTSIDE_SEED=" << seed);
    auto const script = make_script(seed, 60);
    std::mt19937_64 random(seed);
    TempDir dir;
    auto const url = store_engines().front().url(dir);
    TestClock clock;
    clock.set(0);
    { Rig(clock, url).add({0, 1, 2, 3}); }
    std::size_t at = 0, kills = 0;
    while (true) {
      // A start and one step are some 80 writes: most runs come a few steps further.
      auto const status = play_until_killed(url, script, at, 1 + random() % 400);
      if (WIFEXITED(status)) {
        REQUIRE(WEXITSTATUS(status) == 0);
        break;
      }
      REQUIRE(WTERMSIG(status) == SIGKILL);
      ++kills;
      Rig rig{clock, url};
      auto const state = state_of(rig);
      auto next = at;
      while (next < script.states.size() && !(script.states[next] == state)) ++next;
      INFO("killed " << kills << " times, last before step " << at);
      REQUIRE(next < script.states.size());
      at = next;
    }
    Rig rig{clock, url};
    CHECK(state_of(rig) == script.states.back());
    CHECK(kills > 5);
  }
}

TEST_CASE(
    "when any one write fails, the step is undone, said to be transient, and can be tried again") {
  install_faulty_vfs();
  auto const script = make_script(first_seed() + 10, 40);
  for (auto const fault : {DiskFault::full, DiskFault::io_error}) {
    TestClock clock;
    clock.set(0);
    Rig rig{clock};
    rig.add({0, 1, 2, 3});
    for (std::size_t i = 0; i < script.events.size(); ++i) {
      clock.set(static_cast<std::int64_t>(i) * 1000);
      for (std::uint64_t n = 1;; ++n) {
        arm(fault, n);
        auto const done = rig.try_apply(script.events[i]);
        bool const came = disarm();
        INFO("step " << i << ", write " << n);
        // Done although it came: it hit the checkpoint behind the commit, which is tried again
        // later.
        if (done) break;
        REQUIRE(came);
        REQUIRE(done.error().fault == Fault::transient);
        REQUIRE(done.error().reason == "store");
        if (n % 4 == 1) REQUIRE(state_of(rig) == script.states[i]);
      }
    }
    CHECK(state_of(rig) == script.states.back());
  }
}
