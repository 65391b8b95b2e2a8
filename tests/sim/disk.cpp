#include "tests/sim/disk.hpp"

#include <algorithm>
#include <cstring>

#include "proto/base/invariant.hpp"

namespace hotside::sim {
namespace {
constexpr std::size_t kSector = 512;  // what a power loss leaves whole
thread_local Disk* g_mounted = nullptr;
}  // namespace

Disk::Disk() = default;
Disk::~Disk() {
  if (g_mounted == this) g_mounted = nullptr;
}

void Disk::mount() { g_mounted = this; }
Disk& Disk::mounted() {
  invariant(g_mounted != nullptr, "a disk is mounted");
  return *g_mounted;
}

void Disk::copy(Disk const& from) {
  files_.clear();
  for (auto const& [name, file] : from.files_) {
    auto made = std::make_unique<File>();
    made->now = file->now;
    made->synced = file->synced;
    made->unsynced = file->unsynced;
    made->exists = file->exists;
    made->is_durable = file->is_durable;
    files_[name] = std::move(made);
  }
}

void Disk::fail_from(std::uint64_t write, std::uint64_t count, bool is_full) {
  fail_in_ = write;
  fail_left_ = count;
  fail_full_ = is_full;
}

Disk::Verdict Disk::ask() {
  if (stopped_) return Verdict::refuse;
  ++writes_;
  if (stop_in_ > 0 && --stop_in_ == 0) {
    stopped_ = true;
    return Verdict::torn;
  }
  if (fail_in_ > 1) {
    --fail_in_;
  } else if (fail_left_ > 0) {
    --fail_left_;
    return fail_full_ ? Verdict::torn : Verdict::refuse;
  }
  return Verdict::go;
}

int Disk::refusal() const {
  constexpr int full = 13, io_error = 10;  // SQLITE_FULL, SQLITE_IOERR
  return !stopped_ && fail_full_ ? full : io_error;
}

Disk::File* Disk::find(std::string const& name) {
  auto const at = files_.find(name);
  return at == files_.end() || !at->second->exists ? nullptr : at->second.get();
}

Disk::File& Disk::file(std::string const& name) {
  auto& file = files_[name];
  if (!file) file = std::make_unique<File>();
  file->exists = true;
  file->ghost.reset();
  return *file;
}

void Disk::change(Bytes& bytes, Change const& change) {
  if (change.is_truncation) return bytes.resize(static_cast<std::size_t>(change.at));
  auto const begin = static_cast<std::size_t>(change.at);
  if (bytes.size() < begin + change.bytes.size()) bytes.resize(begin + change.bytes.size());
  if (!change.bytes.empty())
    std::memcpy(bytes.data() + begin, change.bytes.data(), change.bytes.size());
}

void Disk::restart(bool power, Dice& dice) {
  // Sometimes nothing, sometimes everything, mostly some of it.
  auto const keep = dice.below(5);
  for (auto& [name, file] : files_) {
    invariant(file->handles.empty(), "nobody has a file open");
    file->shared.clear();
    if (!power) continue;
    if (file->ghost && !file->exists && dice.below(4) < keep) {
      file->exists = true;
      file->now = file->synced = *file->ghost;
    }
    file->ghost.reset();
    if (!file->exists) continue;
    if (!file->is_durable && dice.below(4) >= keep) {
      file->exists = false;
      file->now.clear();
    } else {
      auto image = file->synced;
      for (auto const& each : file->unsynced) {
        std::size_t kept = 0, all = 0;
        if (each.is_truncation) {
          ++all;
          if (dice.below(4) < keep) ++kept, change(image, each);
        }
        for (std::size_t at = 0; at < each.bytes.size(); at += kSector, ++all) {
          if (dice.below(4) >= keep) continue;
          ++kept;
          auto const end = std::min(at + kSector, each.bytes.size());
          Change part;
          part.at = each.at + static_cast<std::int64_t>(at);
          part.bytes.assign(each.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            each.bytes.begin() + static_cast<std::ptrdiff_t>(end));
          change(image, part);
        }
        if (kept == 0) ++lost_;
        if (kept > 0 && kept < all) ++torn_;
      }
      file->now = std::move(image);
    }
    file->synced = file->now;
    file->unsynced.clear();
    file->is_durable = true;
  }
  stopped_ = false;
  heal();
}

}  // namespace hotside::sim
