// SPDX-License-Identifier: Apache-2.0
#include "base/log_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

namespace samepage {

bool LogFile::append(std::string_view line) noexcept {
  try {
    const std::scoped_lock lock(mutex_);
    if (!is_open_where_it_should_be()) open();
    make_room(line.size());
    ssize_t written = -1;
    while ((written = ::write(fd_.get(), line.data(), line.size())) < 0 && errno == EINTR) {
    }
    return written == static_cast<ssize_t>(line.size());
  } catch (const std::exception&) {
    return false;  // no memory for its name, say
  }
}

// Another process may have renamed it, and a person may have removed it.
bool LogFile::is_open_where_it_should_be() const {
  struct stat ours {
  }, there{};
  return fd_ && ::fstat(fd_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
         ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

void LogFile::open() {
  fd_ = UniqueFd(::open(
      path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
  struct stat info {};
  if (fd_ && (::fstat(fd_.get(), &info) != 0 || !S_ISREG(info.st_mode))) fd_.reset();
}

// Of several processes that find it full one renames it: who has the lock, and still finds it there.
void LogFile::make_room(std::size_t bytes) {
  struct stat info {};
  if (!fd_ || ::fstat(fd_.get(), &info) != 0) return;
  if (static_cast<std::uint64_t>(info.st_size) + bytes <= most_bytes_) return;
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return;  // it is being renamed: this line goes with it
  if (is_open_where_it_should_be()) ::rename(path_.c_str(), (path_ + ".1").c_str());
  open();
}

}  // namespace samepage
