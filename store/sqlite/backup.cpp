// Copies of a store, and a copy put back into its place.

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "store/database.hpp"
#include "store/maintenance.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/digest.hpp"
#include "store/sqlite/file_lock.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/schema.hpp"

namespace hotside::store {

namespace fs = std::filesystem;

namespace sqlite {
namespace {

Error system_error(std::string const& doing, std::string const& path) {
  return {Fault::transient, "store: cannot " + doing + " " + path + ": " + std::strerror(errno),
          "store"};
}

Result<void> sync_path(std::string const& path, int flags) {
  int const fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return fail(system_error("open", path));
  int const code = ::fsync(fd);
  ::close(fd);
  if (code != 0) return fail(system_error("sync", path));
  return {};
}
// The names in a folder are on the disk.
Result<void> sync_folder_of(std::string const& path) {
  auto const parent = fs::path(path).parent_path();
  return sync_path(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY);
}

// A half-made copy of an earlier attempt, with what SQLite keeps beside it.
void remove_copy(std::string const& path) {
  std::error_code ignored;
  for (auto const* const suffix : {"", "-journal", "-wal", "-shm"})
    fs::remove(path + suffix, ignored);
}

Result<void> copy_pages(Connection& from, Connection& to, Progress const& progress) {
  constexpr int pages = 2048;
  std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> const copy(
      sqlite3_backup_init(to.handle(), "main", from.handle(), "main"), sqlite3_backup_finish);
  if (!copy) return fail(to.error(sqlite3_errcode(to.handle())));
  while (true) {
    int const code = sqlite3_backup_step(copy.get(), pages);
    auto const total = sqlite3_backup_pagecount(copy.get());
    if (progress)
      progress("copying", static_cast<std::uint64_t>(total - sqlite3_backup_remaining(copy.get())),
               static_cast<std::uint64_t>(total));
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_OK) return fail(to.error(code));
  }
}

// Everything as of one moment, in one file of its own. `change` may work on it before it is closed.
Result<void> copy_store(std::string const& from_path, std::string const& to_path,
                        Progress const& progress,
                        std::function<Result<void>(Connection&)> const& change) {
  HS_TRY(from, Connection::open(from_path, Connection::Mode::read_only, 5'000));
  HS_DO(from->execute("BEGIN"));
  // One view held for the whole copy: a writer beside it does not make it start again.
  HS_TRY(application, from->scalar("PRAGMA application_id"));
  HS_TRY(pinned, from->scalar("SELECT count(*) FROM sqlite_schema"));
  static_cast<void>(pinned);
  if (application != kApplicationId)
    return fail(Fault::rejected, "store " + from_path + " is not of Hotside", "store");
  remove_copy(to_path);
  HS_TRY(to, Connection::open(to_path, Connection::Mode::create, 5'000));
  HS_DO(copy_pages(*from, *to, progress));
  // No log beside it: the file alone is the store.
  HS_TRY(alone, to->text("PRAGMA journal_mode = DELETE"));
  if (alone != "delete")
    return fail(Fault::transient, "store: a log stays beside the copy", "store");
  if (change) HS_DO(change(*to));
  to.reset();
  return sync_path(to_path, O_RDWR);
}

// The same events, numbers and order under another name: whoever held a cursor is told (409), and
// reads the whole history again.
Result<FeedHead> rename_feed(Connection& db, Progress const& progress) {
  if (progress) progress("starting a new feed", 0, 1);
  HS_TRY(old, read_feed(db));
  auto const fresh = new_feed_id();
  HS_TRY(digests, Digests::watch(db));
  HS_DO(db.execute("BEGIN IMMEDIATE"));
  auto const work = [&]() -> Result<void> {
    // As the events are written: a key, its colon and an id without anything to escape.
    auto const key = [](std::string const& feed) { return "\"feed\":\"" + feed + "\""; };
    HS_DO(db.query("UPDATE event SET json = replace(json, ?, ?)")
              .text(key(old.feed))
              .text(key(fresh))
              .run());
    HS_DO(db.query("UPDATE feed SET feed = ?").text(fresh).run());
    HS_DO(digests->save());
    return db.execute("COMMIT");
  };
  if (auto done = work(); !done) {
    db.rollback();
    return fail(std::move(done.error()));
  }
  return FeedHead{fresh, old.head};
}

// Brings what stands beside the old file into it, so that nothing of it meets the new one.
Result<void> fold_old(std::string const& path) {
  std::error_code ignored;
  auto const advice = "; move " + path + " and its -wal and -shm away, then restore again";
  if (!fs::exists(path, ignored)) {
    if (fs::exists(path + "-wal", ignored))
      return fail(Fault::rejected,
                  "store: " + path + "-wal stands there without its store" + advice, "store");
    return {};
  }
  auto const fold = [&]() -> Result<void> {
    HS_TRY(db, Connection::open(path, Connection::Mode::create, 5'000));
    HS_TRY(mode, db->text("PRAGMA journal_mode = DELETE"));
    if (mode != "delete") return fail(Fault::transient, "store: it is in use", "store");
    return {};
  };
  if (auto done = fold(); !done)
    return fail(Fault::rejected,
                "the store that is there cannot be closed: " + done.error().what + advice, "store");
  // The old one stays at hand.
  auto const kept = path + ".before-restore";
  fs::remove(kept, ignored);
  if (::link(path.c_str(), kept.c_str()) != 0) return fail(system_error("keep the old", path));
  return {};
}

}  // namespace
}  // namespace sqlite

Result<void> backup(std::string const& url, std::string const& file, Progress const& progress) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return fail(Fault::rejected, "there is no store at " + path, "store");
  auto const there = [&] { return fail(Fault::rejected, file + " is there already", "store"); };
  if (fs::exists(file, ignored)) return there();
  auto const partial = file + ".partial";
  HS_TRY(lock, FileLock::take(partial + ".lock"));
  auto done = copy_store(path, partial, progress, {});
  if (done && ::link(partial.c_str(), file.c_str()) != 0)
    done = errno == EEXIST ? there() : fail(system_error("name", file));
  remove_copy(partial);
  fs::remove(partial + ".lock", ignored);
  if (!done) return done;
  return sync_folder_of(file);
}

Result<FeedHead> restore(std::string const& file, std::string const& url, Identity const& identity,
                         VerifyOptions const& check, Progress const& progress) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  HS_TRY(lock, FileLock::take(path + ".lock"));
  HS_TRY(findings, verify("sqlite:" + file, check));
  if (!findings.empty())
    return fail(Fault::rejected,
                file + " is damaged, nothing was changed: " + findings.front().where + ": " +
                    findings.front().what + " (" + std::to_string(findings.size()) + " findings)",
                "store");
  HS_DO(Database::check("sqlite:" + file, identity));
  auto const fresh = path + ".restoring";
  FeedHead head;
  auto made = copy_store(file, fresh, progress, [&](Connection& db) -> Result<void> {
    HS_TRY(renamed, rename_feed(db, progress));
    head = std::move(renamed);
    return {};
  });
  if (made) made = fold_old(path);
  if (made && ::rename(fresh.c_str(), path.c_str()) != 0)
    made = fail(system_error("replace", path));
  if (!made) {
    remove_copy(fresh);
    return fail(std::move(made.error()));
  }
  HS_DO(sync_folder_of(path));
  return head;
}

}  // namespace hotside::store
