#pragma once
// A disk that exists only in memory, as SQLite's default file layer: it can stop the machine at any
// write, and what was not synced by then may be there, be gone, or be there in parts.
//
// After the stop the disk refuses every write, so that whoever was in the middle of something finds
// its way out; restart() is what the next process finds.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/bytes.hpp"
#include "tests/property/model_chain.hpp"

namespace hotside::sim {

using chain::test::Dice;

class Disk {
 public:
  Disk();
  ~Disk();
  Disk(Disk const&) = delete;
  Disk& operator=(Disk const&) = delete;

  static void install();        // once per process: SQLite uses the disk that is mounted
  void mount();                 // for the thread that calls
  void copy(Disk const& from);  // nothing may be open on either

  // ---- what goes wrong
  void stop_at(std::uint64_t write) { stop_in_ = write; }  // the n-th one from now
  void fail_from(std::uint64_t write, std::uint64_t count, bool is_full);
  void heal() { stop_in_ = fail_in_ = fail_left_ = 0; }
  bool stopped() const { return stopped_; }
  // Nothing may be open. `power`: what was not synced is lost, or in parts.
  void restart(bool power, Dice& dice);

  std::uint64_t writes() const { return writes_; }
  std::uint64_t lost() const { return lost_; }  // writes that a loss of power took back
  std::uint64_t torn() const { return torn_; }  // … and in parts only

  // ---- for the file layer
  struct Change {
    std::int64_t at = 0;  // or the new size
    Bytes bytes;
    bool is_truncation = false;
  };
  struct Handle;
  struct File {
    Bytes now, synced;
    std::vector<Change> unsynced;
    bool exists = false, is_durable = false;  // its name survives a loss of power
    std::vector<Handle*> handles;
    std::optional<Bytes> ghost;                  // deleted, which a loss of power may undo
    std::vector<std::unique_ptr<Bytes>> shared;  // the index of the write-ahead log
  };
  struct Handle {
    File* file = nullptr;
    int level = 0;
    std::uint32_t shared_locks = 0, exclusive_locks = 0;
  };
  enum class Verdict : std::uint8_t { go, torn, refuse };
  Verdict ask();  // before each change
  int refusal() const;
  File& file(std::string const& name);
  File* find(std::string const& name);
  static Disk& mounted();
  static void change(Bytes& bytes, Change const& change);
  std::uint64_t random() { return ++random_ * 0x9e3779b97f4a7c15ULL; }

 private:
  std::map<std::string, std::unique_ptr<File>> files_;
  std::uint64_t stop_in_ = 0, fail_in_ = 0, fail_left_ = 0;
  std::uint64_t writes_ = 0, lost_ = 0, torn_ = 0, random_ = 1;
  bool fail_full_ = false, stopped_ = false;
};

// SQLite's source of random numbers starts anew: a history does not depend on those before it.
void reset_sqlite_randomness();

}  // namespace hotside::sim
