// Every write of a scenario fails once, in every way. After each failure the store stands a check
// of all its invariants, is what it was before the step or after it, and the step can be done
// again.

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "explorer/ingest/feed_events.hpp"
#include "store/maintenance.hpp"
#include "tests/crash/faulty_vfs.hpp"
#include "tests/support/ingest_rig.hpp"
#include "tests/support/random_history.hpp"

using namespace hotside;
using namespace hotside::test;
namespace fs = std::filesystem;

namespace {

using Run = std::function<Result<void>(Rig&)>;
struct Step {
  std::string name;
  Run run;
};

Run in_transaction(std::function<Result<void>(store::WriteTxn&)> work) {
  return [work = std::move(work)](Rig& rig) -> Result<void> {
    HS_TRY(txn, rig.database().begin());
    HS_DO(work(*txn));
    HS_TRY(head, txn->commit());
    static_cast<void>(head);
    return {};
  };
}

std::vector<Step> scenario(std::uint64_t seed) {
  RandomHistory history(seed);
  auto const chain = [](model::ChainEvent event) {
    return Step{"event " + std::to_string(event.index()),
                [event = std::move(event)](Rig& rig) { return rig.try_apply(event); }};
  };
  std::vector<Step> steps{chain(history.start())};
  auto const grow = [&](int n) {
    while (n-- > 0) steps.push_back(chain(history.next()));
  };
  auto const add = [&](std::uint64_t key) {
    steps.push_back(
        {"register", in_transaction([key](store::WriteTxn& txn) -> Result<void> {
           std::vector<model::NewAddress> const one{{key_of(key), "user", std::nullopt}};
           HS_TRY(done, ingest::register_addresses(txn, "dev", one, from_unix_ms(0)));
           static_cast<void>(done);
           return {};
         })});
  };
  add(0);
  add(1);
  grow(5);
  steps.push_back({"hold", in_transaction([](store::WriteTxn& txn) {
                     return txn.hold().set({from_unix_ms(5), "ops", "because"});
                   })});
  grow(5);
  add(2);
  add(3);
  auto const release = [](store::WriteTxn& txn) -> Result<void> {
    HS_TRY(left, ingest::release_withheld(txn, 2));
    static_cast<void>(left);
    return {};
  };
  steps.push_back({"lift", in_transaction([release](store::WriteTxn& txn) -> Result<void> {
                     HS_TRY(was_set, txn.hold().lift());
                     CHECK(was_set);
                     return release(txn);
                   })});
  for (int i = 0; i < 2; ++i) {
    steps.push_back({"release", in_transaction(release)});
    grow(1);
  }
  return steps;
}

constexpr std::array kFaults{DiskFault::kill, DiskFault::power, DiskFault::full,
                             DiskFault::io_error, DiskFault::sync_error};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kStride = 13;  // they make it some ten times slower
#else
constexpr std::uint64_t kStride = 1;
#endif

std::string file_of(std::string const& url) { return url.substr(std::string("sqlite:").size()); }

void copy(std::string const& from, std::string const& to) {
  for (auto const* const suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(to + suffix);
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

std::string fingerprint(std::string const& url) {
  auto const findings = must(store::verify(url, {}));
  for (auto const& finding : findings) FAIL_CHECK(finding.where << ": " << finding.what);
  return must(store::fingerprint(url));
}

enum class Ended : std::uint8_t { clean, killed, failed };

// In a process of its own: opens, does the step with a fault at the n-th write, and after an error
// does it again with the fault gone.
Ended attempt(std::string const& url, Run const& run, DiskFault fault, std::uint64_t n) {
  constexpr int clean = 0, came = 9, broken = 4;
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int code = broken;
    try {
      TestClock clock;
      clock.set(1000);
      arm(fault, n);
      auto database = Rig::try_open(url, clock);
      bool failed = !database && database.error().fault == Fault::transient;
      if (!database) disarm();
      {
        Rig rig{clock, url, database ? std::move(*database) : nullptr};
        auto done = run(rig);
        if (!done && done.error().fault == Fault::transient) {
          failed = true;
          disarm();
          done = run(rig);
        }
        if (done) code = failed ? came : clean;
      }
      // A fault may also have hit the checkpoint behind the commit or at the closing.
      if (disarm() && code == clean) code = came;
    } catch (...) {
      code = broken;
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return Ended::killed;
  INFO("exit code " << WEXITSTATUS(status));
  REQUIRE((WEXITSTATUS(status) == clean || WEXITSTATUS(status) == came));
  return WEXITSTATUS(status) == clean ? Ended::clean : Ended::failed;
}

}  // namespace

TEST_CASE("every write of a scenario fails once, and nothing is lost or doubled") {
  install_faulty_vfs();
  TempDir dir;
  auto const base = store_engines().front().url(dir), work = base + ".work";
  TestClock clock;
  clock.set(1000);
  { Rig(clock, base); }
  std::size_t points = 0, undone = 0;
  for (auto const& step : scenario(11)) {
    auto const before = fingerprint(base);
    copy(file_of(base), file_of(work));
    {
      Rig rig{clock, work};
      must(step.run(rig));
    }
    auto const after = fingerprint(work);
    for (auto const fault : kFaults) {
      for (std::uint64_t n = 1;; n += kStride) {
        INFO(step.name << ", fault " << static_cast<int>(fault) << " at write " << n);
        copy(file_of(base), file_of(work));
        auto const ended = attempt(work, step.run, fault, n);
        auto now = fingerprint(work);
        if (ended == Ended::killed && now == before) {
          ++undone;
          Rig rig{clock, work};
          must(step.run(rig));
          rig.close();
          now = fingerprint(work);
        }
        REQUIRE(now == after);
        if (ended == Ended::clean) break;
        ++points;
      }
    }
    Rig rig{clock, base};
    must(step.run(rig));
  }
  std::cout << "crash points: " << points << ", of them undone by the crash: " << undone << '\n';
  CHECK(points > 1000 / kStride);
  CHECK(undone > 100 / kStride);
}

namespace {

// Ends at the n-th write; true when it was killed there.
bool killed_in(std::function<Result<void>()> const& work, DiskFault fault, std::uint64_t n) {
  pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    arm(fault, n);
    ::_exit(work() ? 0 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

}  // namespace

TEST_CASE("killed at any write of a backup or restore, the place holds the old store or the new") {
  install_faulty_vfs();
  TempDir dir;
  auto const url = store_engines().front().url(dir), work = url + ".work";
  auto const copied = (dir.path() / "copy.db").string();
  TestClock clock;
  for (auto const& step : scenario(12)) {
    Rig rig{clock, url};  // which knows the addresses registered before it was opened
    must(step.run(rig));
  }
  std::size_t points = 0;
  for (auto const fault : {DiskFault::kill, DiskFault::power}) {
    for (std::uint64_t n = 1;; ++n, ++points) {
      fs::remove(copied);
      bool const killed = killed_in([&] { return store::backup(url, copied, {}); }, fault, n);
      INFO("backup, write " << n);
      CHECK(fs::exists(copied) == !killed);
      if (!killed) break;
    }
    CHECK(fingerprint("sqlite:" + copied) == fingerprint(url));
  }
  {
    // The one in place has gone on since.
    Rig rig{clock, url};
    must(Run(in_transaction([](store::WriteTxn& txn) {
      return txn.hold().set({from_unix_ms(9), "ops", "later"});
    }))(rig));
  }
  auto const old = fingerprint(url);
  for (auto const fault : {DiskFault::kill, DiskFault::power}) {
    for (std::uint64_t n = 1;; ++n, ++points) {
      INFO("restore, write " << n);
      copy(file_of(url), file_of(work));
      auto const again = [&]() -> Result<void> {
        HS_TRY(head, store::restore(copied, work, test_identity(), {}, {}));
        static_cast<void>(head);
        return {};
      };
      bool const killed = killed_in(again, fault, n);
      { Rig(clock, work); }  // as the service does: what a crash left half done is undone
      bool const is_old = fingerprint(work) == old;
      CHECK(is_old == killed);  // the renaming comes after the last write
      if (!killed) break;
      must(again());
      CHECK(fingerprint(work) != old);
    }
  }
  std::cout << "crash points of backup and restore: " << points << '\n';
  CHECK(points > 30);
}
