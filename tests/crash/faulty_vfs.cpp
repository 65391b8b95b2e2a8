#include "tests/crash/faulty_vfs.hpp"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

namespace hotside::test {
namespace {

DiskFault g_fault = DiskFault::none;
std::uint64_t g_left = 0, g_calls = 0;
bool g_came = false;
sqlite3_vfs* g_real = nullptr;

constexpr sqlite3_int64 kSector = 512;

// What a file was when it was last synced, as far as it has changed since.
struct Unsynced {
  sqlite3_int64 size = -1;  // -1: nothing has changed
  std::map<sqlite3_int64, std::array<char, kSector>> sectors;
};
std::map<sqlite3_file*, Unsynced> g_unsynced;

// The wrapped file stands behind this in the same allocation.
struct File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }

// Before [at, at + n) of the file changes.
void remember(sqlite3_file* f, sqlite3_int64 at, sqlite3_int64 n) {
  auto& unsynced = g_unsynced[f];
  if (unsynced.size < 0) real(f)->pMethods->xFileSize(real(f), &unsynced.size);
  for (auto sector = at / kSector * kSector; sector < at + n; sector += kSector) {
    auto const [entry, is_new] = unsynced.sectors.try_emplace(sector);
    // Beyond the end it reads zeros, which is what a file has that grew and was not written.
    if (is_new) real(f)->pMethods->xRead(real(f), entry->second.data(), kSector, sector);
  }
}

void lose_unsynced() {
  std::mt19937_64 coin(g_calls);
  for (auto& [file, unsynced] : g_unsynced) {
    if (unsynced.size < 0) continue;
    auto const* methods = real(file)->pMethods;
    sqlite3_int64 size = 0;
    methods->xFileSize(real(file), &size);
    for (auto const& [sector, old] : unsynced.sectors)
      if (sector < size && coin() % 2 == 0)
        methods->xWrite(real(file), old.data(), static_cast<int>(std::min(kSector, size - sector)),
                        sector);
    if (coin() % 2 == 0) methods->xTruncate(real(file), std::min(size, unsynced.size));
  }
}

int fuse(bool is_sync = false) {
  ++g_calls;
  if (g_fault == DiskFault::none) return SQLITE_OK;
  if (g_left > 1) {
    --g_left;
    return SQLITE_OK;
  }
  if (g_fault == DiskFault::sync_error && !is_sync) return SQLITE_OK;
  g_came = true;
  if (g_fault == DiskFault::power) lose_unsynced();
  if (g_fault == DiskFault::kill || g_fault == DiskFault::power) ::kill(::getpid(), SIGKILL);
  return g_fault == DiskFault::full ? SQLITE_FULL : SQLITE_IOERR;
}

int close(sqlite3_file* f) {
  g_unsynced.erase(f);
  return real(f)->pMethods->xClose(real(f));
}
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, void const* from, int n, sqlite3_int64 at) {
  remember(f, at, n);
  int const code = fuse();
  if (code == SQLITE_OK) return real(f)->pMethods->xWrite(real(f), from, n, at);
  // What was written before the disk was full stays.
  real(f)->pMethods->xWrite(real(f), from, n / 2, at);
  return code;
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  remember(f, 0, 0);
  int const code = fuse();
  return code == SQLITE_OK ? real(f)->pMethods->xTruncate(real(f), size) : code;
}
// Power is lost in this file's own account of what is unsynced, so the disk itself need not be
// waited for, and thousands of crashes take a minute.
int sync(sqlite3_file* f, int) {
  if (fuse(true) != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  g_unsynced.erase(f);
  return SQLITE_OK;
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int reserved(sqlite3_file* f, int* out) {
  return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
int control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int device(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

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

int open(sqlite3_vfs*, char const* name, sqlite3_file* file, int flags, int* out) {
  static sqlite3_io_methods const kMethods = methods();
  file->pMethods = nullptr;
  int const code = g_real->xOpen(g_real, name, real(file), flags, out);
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}

}  // namespace

void install_faulty_vfs() {
  static sqlite3_vfs faulty;
  if (g_real != nullptr) return;
  g_real = sqlite3_vfs_find(nullptr);
  faulty = *g_real;
  faulty.zName = "faulty";
  faulty.szOsFile = static_cast<int>(sizeof(File)) + g_real->szOsFile;
  faulty.xOpen = open;
  sqlite3_vfs_register(&faulty, 1);
}

void arm(DiskFault fault, std::uint64_t n) {
  g_fault = fault;
  g_left = n;
  g_calls = 0;
  g_came = false;
}

bool disarm(std::uint64_t* calls) {
  g_fault = DiskFault::none;
  if (calls != nullptr) *calls = g_calls;
  return g_came;
}

}  // namespace hotside::test
