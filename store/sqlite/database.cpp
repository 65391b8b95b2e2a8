// Opening: pragmas, migrations, identity, and the lock against a second writer.

#include "store/database.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <random>
#include <utility>

#include "proto/base/embedded.hpp"
#include "proto/base/invariant.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/digest.hpp"
#include "store/sqlite/file_lock.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/write_txn.hpp"

namespace hotside::store {
namespace migrations {
std::span<EmbeddedFile const> files();
}

namespace sqlite {
namespace {

// Secrets of webhooks are in it, so a new file is its owner's alone (SQLite gives its companions
// the same mode). One that is there is not opened: closing it would drop SQLite's own locks on it.
void create_private(std::string const& path) {
  int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(FileLock lock, std::string path, std::unique_ptr<Connection> connection,
                 std::unique_ptr<Digests> digests, Identity identity)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        db_(std::move(connection)),
        digests_(std::move(digests)),
        identity_(std::move(identity)) {}

  Result<std::unique_ptr<WriteTxn>> begin() override;
  Result<ChainState> chain() override;
  Result<void> for_each_address(
      std::function<void(PublicKey const& key, bool retired)> const& take) override;
  std::uint64_t wal_bytes() const override {
    std::error_code error;
    auto const size = std::filesystem::file_size(path_ + "-wal", error);
    return error ? 0 : size;
  }
  Identity const& identity() const override { return identity_; }

 private:
  FileLock lock_;  // released last
  std::string path_;
  std::unique_ptr<Connection> db_;
  std::unique_ptr<Digests> digests_;
  Identity identity_;
  bool in_transaction_ = false;
};

Result<std::unique_ptr<WriteTxn>> SqliteDatabase::begin() {
  invariant(!in_transaction_, "one write transaction at a time");
  HS_DO(db_->execute("BEGIN IMMEDIATE"));
  // An engine with several instances asks here whether this one is still the leader.
  auto const abandon = [this](Error error) {
    db_->rollback();
    return fail(std::move(error));
  };
  auto head = read_feed(*db_);
  if (!head) return abandon(std::move(head.error()));
  auto counts = read_counts(*db_);
  if (!counts) return abandon(std::move(counts.error()));
  return std::make_unique<SqliteWriteTxn>(*db_, *digests_, std::move(*head), *counts,
                                          in_transaction_);
}

Result<ChainState> SqliteDatabase::chain() {
  ChainState state;
  {
    auto row = db_->query("SELECT first, previous FROM started");
    HS_TRY(found, row.step());
    if (found) {
      model::Started started;
      started.first = row.get_epoch();
      started.previous = row.get_bytes<Hash>();
      state.started = started;
    }
  }
  {
    auto row = db_->query("SELECT epoch, hash FROM macro_block ORDER BY epoch");
    while (true) {
      HS_TRY(more, row.step());
      if (!more) break;
      auto const epoch = row.get_epoch();
      if (!state.started || epoch.value != state.started->first.value + state.macro_hashes.size())
        return fail(Fault::corrupt,
                    "store: final epochs are not contiguous at " + std::to_string(epoch.value),
                    "store");
      state.macro_hashes.push_back(row.get_bytes<Hash>());
    }
  }
  auto row =
      db_->query("SELECT \"offset\", hash, previous, time, held FROM micro_block ORDER BY 1");
  while (true) {
    HS_TRY(more, row.step());
    if (!more) break;
    if (row.get_count() != state.micros.size())
      return fail(Fault::corrupt, "store: micro blocks are not contiguous", "store");
    ChainState::Micro micro;
    micro.hash = row.get_bytes<Hash>();
    micro.previous = row.get_bytes<Hash>();
    micro.time = row.get_time();
    micro.held = row.get_integer() != 0;
    state.micros.push_back(micro);
  }
  HS_TRY(open, db_->scalar("SELECT EXISTS (SELECT 1 FROM violation WHERE cleared_at IS NULL)"));
  state.violated = open != 0;
  return state;
}

Result<void> SqliteDatabase::for_each_address(
    std::function<void(PublicKey const& key, bool retired)> const& take) {
  auto row = db_->query("SELECT key, retired FROM address");
  while (true) {
    HS_TRY(more, row.step());
    if (!more) return {};
    auto const key = row.get_bytes<PublicKey>();
    take(key, row.get_integer() != 0);
  }
}

// ---- migrations and identity

Result<std::int64_t> number_of(EmbeddedFile const& file) {
  std::int64_t number = 0;
  auto const [end, error] =
      std::from_chars(file.name.data(), file.name.data() + file.name.size(), number);
  invariant(error == std::errc{} && end != file.name.data(), "a migration is named 0001_….sql");
  return number;
}

Result<void> write_identity(Connection& db, Identity const& identity, Clock const& clock) {
  HS_DO(db.query("INSERT INTO meta (id, network, genesis, created_at) VALUES (1, ?, ?, ?)")
            .text(identity.network)
            .bytes(identity.genesis)
            .time(clock.now())
            .run());
  HS_DO(db.query("INSERT INTO feed (id, feed, head) VALUES (1, ?, 0)").text(new_feed_id()).run());
  return db.query("INSERT INTO tally VALUES (1, 0, 0, 0, 0, 0)").run();
}

Result<void> migrate_inside(Connection& db, std::int64_t have, Identity const& identity,
                            Clock const& clock) {
  std::int64_t version = have;
  for (auto const& file : migrations::files()) {
    HS_TRY(number, number_of(file));
    if (number <= have) continue;
    invariant(number == version + 1, "migrations are embedded in order, without holes");
    HS_DO(db.execute(std::string(file.bytes)));
    version = number;
  }
  // What a migration does is not counted: the next opening counts anew.
  HS_DO(db.execute("DELETE FROM digest"));
  if (have == 0) HS_DO(write_identity(db, identity, clock));
  HS_DO(db.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  return db.execute("PRAGMA user_version = " + std::to_string(version));
}

Result<void> migrate(Connection& db, std::string const& path, Identity const& identity,
                     Clock const& clock) {
  HS_TRY(have, db.scalar("PRAGMA user_version"));
  HS_TRY(newest, number_of(migrations::files().back()));
  if (have > newest)
    return fail(Fault::rejected,
                "store " + path + " has schema " + std::to_string(have) +
                    ", made by a newer version; this one knows up to " + std::to_string(newest),
                "store");
  if (have == newest) return {};
  if (have == 0) {
    HS_TRY(tables, db.scalar("SELECT count(*) FROM sqlite_schema"));
    if (tables != 0) return fail(Fault::rejected, "store " + path + " is not of Hotside", "store");
  }
  HS_DO(db.execute("BEGIN IMMEDIATE"));
  auto done = migrate_inside(db, have, identity, clock);
  if (done) done = db.execute("COMMIT");
  if (!done) db.rollback();
  return done;
}

// A process that died in a commit may have left it in the write-ahead log, whole but not synced:
// then it counts, but only the operating system's cache holds it. Nobody may read what a loss of
// power would still take back, so a commit of our own, which syncs the log, comes first.
Result<void> sync_log(Connection& db) {
  HS_DO(db.execute("BEGIN IMMEDIATE"));
  // Written although it is the same; an UPDATE that changes nothing is not.
  auto done = db.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
  if (done) done = db.execute("COMMIT");
  if (!done) db.rollback();
  return done;
}

Result<void> check_identity(Connection& db, std::string const& path, Identity const& identity) {
  auto row = db.query("SELECT network, genesis FROM meta");
  HS_TRY(found, row.step());
  if (!found) return fail(Fault::corrupt, "store " + path + ": no identity", "store");
  auto const network = row.get_text();
  auto const genesis = row.get_bytes<Hash>();
  if (network != identity.network)
    return fail(Fault::rejected,
                "store " + path + " is of network " + network + ", not " + identity.network,
                "store");
  if (genesis != identity.genesis)
    return fail(
        Fault::rejected,
        "store " + path + " is of genesis " + genesis.hex() + ", not " + identity.genesis.hex(),
        "store");
  return {};
}

Result<void> set_pragmas(Connection& db, OpenOptions const& options) {
  HS_TRY(application, db.scalar("PRAGMA application_id"));
  if (application != 0 && application != kApplicationId)
    return fail(Fault::rejected, "store: the file is of another program", "store");
  // A new file gets its mode through a rollback journal; if a loss of power brought that one back
  // after its end, everything since would be rolled back. EXTRA makes its end certain.
  HS_DO(db.execute("PRAGMA synchronous = EXTRA"));
  {
    auto mode = db.query("PRAGMA journal_mode = WAL");
    HS_TRY(row, mode.step());
    if (!row || mode.get_text() != "wal")
      return fail(Fault::rejected, "store: its file system does not allow a write-ahead log",
                  "store");
  }
  return db.execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA temp_store = MEMORY;"
      "PRAGMA wal_autocheckpoint = " +
      std::to_string(options.checkpoint_pages) +
      "; PRAGMA journal_size_limit = " + std::to_string(options.checkpoint_pages * 4096 * 2) +
      "; PRAGMA cache_size = -" + std::to_string(options.cache_bytes / 1024));
}

}  // namespace

std::string new_feed_id() {
  std::random_device device;
  std::array<std::uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(device());
  return to_hex(bytes);
}

}  // namespace sqlite

Result<std::unique_ptr<Database>> Database::open(std::string const& url, Identity const& identity,
                                                 Clock const& clock, OpenOptions options) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  HS_TRY(lock, FileLock::take(path + ".lock"));
  create_private(path);
  HS_TRY(db, Connection::open(path, Connection::Mode::create,
                              static_cast<int>(options.busy_timeout.count())));
  HS_DO(set_pragmas(*db, options));
  HS_DO(migrate(*db, path, identity, clock));
  HS_DO(check_identity(*db, path, identity));
  HS_DO(sync_log(*db));
  HS_TRY(digests, Digests::watch(*db));
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(
      std::move(lock), path, std::move(db), std::move(digests), identity));
}

Result<void> Database::check(std::string const& url, Identity const& identity) {
  using namespace sqlite;
  HS_TRY(path, path_of(url));
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  HS_TRY(db, Connection::open(path, Connection::Mode::read_only, 5'000));
  HS_TRY(application, db->scalar("PRAGMA application_id"));
  HS_TRY(version, db->scalar("PRAGMA user_version"));
  if (application == 0 && version == 0) return {};  // empty: opening will tell
  if (application != kApplicationId)
    return fail(Fault::rejected, "store " + path + " is not of Hotside", "store");
  return check_identity(*db, path, identity);
}

}  // namespace hotside::store
