// SQLite's file layer over the mounted disk. One process uses it from one thread at a time, so a
// lock that is taken is an answer, never a wait.

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "tests/sim/disk.hpp"

namespace hotside::sim {
namespace {

struct Opened {
  sqlite3_file base;
  Disk::Handle handle;
  bool is_temporary;
};
Opened& opened(sqlite3_file* file) { return *reinterpret_cast<Opened*>(file); }
Disk::File& of(sqlite3_file* file) { return *opened(file).handle.file; }

int close(sqlite3_file* f) {
  auto& handle = opened(f).handle;
  std::erase(handle.file->handles, &handle);
  if (opened(f).is_temporary) delete handle.file;
  return SQLITE_OK;
}

int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  auto const& bytes = of(f).now;
  auto const begin = static_cast<std::size_t>(at), want = static_cast<std::size_t>(n);
  auto const have = begin >= bytes.size() ? 0 : std::min(want, bytes.size() - begin);
  if (have > 0) std::memcpy(to, bytes.data() + begin, have);
  if (have == want) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + have, 0, want - have);
  return SQLITE_IOERR_SHORT_READ;
}

int alter(sqlite3_file* f, Disk::Change change) {
  auto& disk = Disk::mounted();
  auto& file = of(f);
  auto const verdict = opened(f).is_temporary ? Disk::Verdict::go : disk.ask();
  if (verdict == Disk::Verdict::refuse) return disk.refusal();
  if (verdict == Disk::Verdict::torn) {
    if (change.is_truncation) return disk.refusal();
    change.bytes.resize(disk.random() % (change.bytes.size() + 1));
  }
  Disk::change(file.now, change);
  file.unsynced.push_back(std::move(change));
  return verdict == Disk::Verdict::torn ? disk.refusal() : SQLITE_OK;
}

int write(sqlite3_file* f, void const* from, int n, sqlite3_int64 at) {
  auto const* const bytes = static_cast<std::uint8_t const*>(from);
  return alter(f, {at, Bytes(bytes, bytes + n), false});
}

int truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (static_cast<std::size_t>(size) >= of(f).now.size()) return SQLITE_OK;
  return alter(f, {size, {}, true});
}

int sync(sqlite3_file* f, int) {
  auto& disk = Disk::mounted();
  if (disk.ask() != Disk::Verdict::go) return SQLITE_IOERR_FSYNC;
  auto& file = of(f);
  for (auto const& change : file.unsynced) Disk::change(file.synced, change);
  file.unsynced.clear();
  file.is_durable = true;
  return SQLITE_OK;
}

int file_size(sqlite3_file* f, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(of(f).now.size());
  return SQLITE_OK;
}

int lock(sqlite3_file* f, int level) {
  auto& mine = opened(f).handle;
  for (auto const* other : mine.file->handles) {
    if (other == &mine) continue;
    bool const clash = level == SQLITE_LOCK_SHARED      ? other->level >= SQLITE_LOCK_PENDING
                       : level == SQLITE_LOCK_EXCLUSIVE ? other->level >= SQLITE_LOCK_SHARED
                                                        : other->level >= SQLITE_LOCK_RESERVED;
    if (clash) return SQLITE_BUSY;
  }
  mine.level = std::max(mine.level, level);
  return SQLITE_OK;
}

int unlock(sqlite3_file* f, int level) {
  opened(f).handle.level = std::min(opened(f).handle.level, level);
  return SQLITE_OK;
}

int reserved(sqlite3_file* f, int* out) {
  auto const& handles = of(f).handles;
  *out = std::any_of(handles.begin(), handles.end(),
                     [](auto const* each) { return each->level >= SQLITE_LOCK_RESERVED; });
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector(sqlite3_file*) { return 4096; }
int device(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int shm_map(sqlite3_file* f, int region, int size, int extend, void volatile** out) {
  auto& shared = of(f).shared;
  *out = nullptr;
  auto const at = static_cast<std::size_t>(region);
  if (shared.size() <= at && extend == 0) return SQLITE_OK;
  while (shared.size() <= at)
    shared.push_back(std::make_unique<Bytes>(static_cast<std::size_t>(size)));
  *out = shared[at]->data();
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  auto& mine = opened(f).handle;
  auto const mask = ((1U << n) - 1U) << offset;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    ((flags & SQLITE_SHM_SHARED) != 0 ? mine.shared_locks : mine.exclusive_locks) &= ~mask;
    return SQLITE_OK;
  }
  bool const is_shared = (flags & SQLITE_SHM_SHARED) != 0;
  for (auto const* other : mine.file->handles) {
    if (other == &mine) continue;
    auto const taken = other->exclusive_locks | (is_shared ? 0U : other->shared_locks);
    if ((taken & mask) != 0) return SQLITE_BUSY;
  }
  (is_shared ? mine.shared_locks : mine.exclusive_locks) |= mask;
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}
int shm_unmap(sqlite3_file* f, int remove) {
  opened(f).handle.shared_locks = opened(f).handle.exclusive_locks = 0;
  if (remove != 0) of(f).shared.clear();
  return SQLITE_OK;
}

sqlite3_io_methods methods() {
  sqlite3_io_methods m{};
  m.iVersion = 2;  // with shared memory, without mmap
  m.xClose = close;
  m.xRead = read;
  m.xWrite = write;
  m.xTruncate = truncate;
  m.xSync = sync;
  m.xFileSize = file_size;
  m.xLock = lock;
  m.xUnlock = unlock;
  m.xCheckReservedLock = reserved;
  m.xFileControl = control;
  m.xSectorSize = sector;
  m.xDeviceCharacteristics = device;
  m.xShmMap = shm_map;
  m.xShmLock = shm_lock;
  m.xShmBarrier = shm_barrier;
  m.xShmUnmap = shm_unmap;
  return m;
}

int open(sqlite3_vfs*, char const* name, sqlite3_file* f, int flags, int* out) {
  static sqlite3_io_methods const kMethods = methods();
  auto& disk = Disk::mounted();
  f->pMethods = nullptr;
  auto* const made = new (static_cast<void*>(f)) Opened{};
  made->is_temporary = name == nullptr;
  if (name == nullptr) {
    made->handle.file = new Disk::File();
  } else {
    made->handle.file = disk.find(name);
    if (made->handle.file == nullptr) {
      if ((flags & SQLITE_OPEN_CREATE) == 0 || disk.stopped()) return SQLITE_CANTOPEN;
      made->handle.file = &disk.file(name);
    }
  }
  made->handle.file->handles.push_back(&made->handle);
  f->pMethods = &kMethods;
  if (out != nullptr) *out = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, char const* name, int sync_folder) {
  auto& disk = Disk::mounted();
  auto* const file = disk.find(name);
  if (file == nullptr) return SQLITE_IOERR_DELETE_NOENT;
  if (disk.ask() != Disk::Verdict::go) return SQLITE_IOERR_DELETE;
  if (sync_folder == 0 && file->is_durable) file->ghost = file->synced;
  file->exists = file->is_durable = false;
  file->now.clear();
  file->synced.clear();
  file->unsynced.clear();
  return SQLITE_OK;
}

int access(sqlite3_vfs*, char const* name, int, int* out) {
  auto const* const file = Disk::mounted().find(name);
  *out = file != nullptr && !file->now.empty();
  return SQLITE_OK;
}

int full_name(sqlite3_vfs*, char const* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int n, char* out) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<char>(Disk::mounted().random() >> 40U);
  return n;
}
int sleep(sqlite3_vfs*, int us) { return us; }
int time_now(sqlite3_vfs*, double* days) {
  *days = 2460000.5;
  return SQLITE_OK;
}
int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

void Disk::install() {
  static sqlite3_vfs vfs;
  if (vfs.zName != nullptr) return;
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(Opened));
  vfs.mxPathname = 512;
  vfs.zName = "simulated";
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_name;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = time_now;
  vfs.xGetLastError = last_error;
  sqlite3_vfs_register(&vfs, 1);
}

void reset_sqlite_randomness() { sqlite3_randomness(0, nullptr); }

}  // namespace hotside::sim
