#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "proto/base/result.hpp"

namespace hotside::store::sqlite {

// The lock is of the process: it goes with it, however it ends.
class FileLock {
 public:
  static Result<FileLock> take(std::string const& path) {
    int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
      return fail(Fault::transient, "store: cannot open " + path + ": " + std::strerror(errno),
                  "store");
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
      return fail(Fault::rejected, "store: another process writes it (" + path + " is locked)",
                  "store");
    return lock;
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock(FileLock const&) = delete;
  FileLock& operator=(FileLock const&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hotside::store::sqlite
