// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/locked_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/units.hpp"
#include "dedup/daemon/paging/disk_room.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view magic = "Samepage paging file 1\n";  // the rest of the page is zeros

std::span<const std::byte> magic_bytes() {
  return std::as_bytes(std::span(magic));
}

struct stat status_of(const std::string& path, int fd) {
  struct stat status {};
  check(::fstat(fd, &status), "fstat " + path);
  return status;
}

std::string not_regular(const std::string& path) {
  return fmt::format("{} is not a regular file; name one for paging, or a path where none is", path);
}

std::string why_not_open(const std::string& path, int error) {
  switch (error) {
    case EISDIR:
      return fmt::format("{0} is a directory; name a file in it, such as {0}/samepage.paging", path);
    case ELOOP:
      return fmt::format("{} is a symbolic link; name the file that it leads to", path);
    case ENOENT:
    case ENOTDIR:
      return fmt::format("there is no directory for the paging file {}; make it first", path);
    case ENXIO:  // a socket
      return not_regular(path);
    default:
      return fmt::format(
          "the paging file {} cannot be opened: {}; choose a directory where the daemon may write", path,
          std::strerror(error));
  }
}

std::string why_no_room(const std::string& path, int fd, std::uint64_t room, int error) {
  if (error == ENOSPC) {
    struct statvfs disk {};
    const bool known = ::fstatvfs(fd, &disk) == 0;
    return fmt::format(
        "no room for the paging file {}: it takes {} to begin with{}; make room, choose another disk, or set "
        "a "
        "smaller initial=",
        path, format_size(room),
        known ? fmt::format(", and {} are free there", format_size(disk.f_bavail * disk.f_frsize)) : "");
  }
  if (error == EDQUOT || error == EFBIG) {
    return fmt::format(
        "the paging file {} may not have the {} that it begins with: {}; raise the {}, or set a smaller "
        "initial=",
        path, format_size(room), std::strerror(error),
        error == EFBIG ? "limit of file sizes (ulimit -f)" : "disk quota");
  }
  return fmt::format("the paging file {} cannot be set up: {}; choose another disk", path,
                     std::strerror(error));
}

// Whether a file lies in the mount that its directory is in. True where the kernel does not tell.
bool is_in_mount_of_directory(const std::string& path, int fd) {
  struct statx file {};
  struct statx directory {};
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &file) != 0 ||
      ::statx(AT_FDCWD, parent.c_str(), 0, STATX_MNT_ID, &directory) != 0) {
    return true;
  }
  return (file.stx_mask & directory.stx_mask & STATX_MNT_ID) == 0 || file.stx_mnt_id == directory.stx_mnt_id;
}

bool is_still_at(const std::string& path, const struct stat& status) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) == 0 && there.st_ino == status.st_ino && there.st_dev == status.st_dev;
}

}  // namespace

LockedFile::LockedFile(const std::string& path) : path_(path) {
  // Another daemon that failed may remove the file between our open() and our lock.
  do {
    while (!open()) {
    }
  } while (!lock());
  check_kind();
}

LockedFile::~LockedFile() {
  if (!fd_) return;
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return;
  if (created_) {
    if (is_still_at(path_, status)) ::unlink(path_.c_str());
  } else if (static_cast<std::uint64_t>(status.st_size) > found_length_) {
    static_cast<void>(set_length(fd_.get(), found_length_));
  }
}

// False: look again, somebody created or removed it just now.
bool LockedFile::open() {
  // No terminal, tape or pipe makes us wait or becomes ours before we know what it is.
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  created_ = false;
  UniqueFd fd(::open(path_.c_str(), flags));
  if (!fd && errno == ENOENT) {
    fd = UniqueFd(::open(path_.c_str(), flags | O_CREAT | O_EXCL, 0600));
    if (!fd && errno == EEXIST) return false;
    created_ = static_cast<bool>(fd);
  }
  if (!fd && errno == EINTR) return false;
  if (!fd) throw UserError(why_not_open(path_, errno));
  fd_ = std::move(fd);
  return true;
}

// False: it is no longer at the path.
bool LockedFile::lock() const {
  const struct stat status = status_of(path_, fd_.get());
  if (!S_ISREG(status.st_mode)) {
    throw UserError(not_regular(path_));
  }
  if (!created_ && status.st_uid != ::geteuid()) {
    throw UserError(fmt::format("{} belongs to another user; name a paging file of your own", path_));
  }
  while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK)
      throw UserError(fmt::format("the paging file {} cannot be locked: {}", path_, std::strerror(errno)));
    throw UserError(
        fmt::format("the paging file {} is in use by another daemon; give each one files of its own", path_));
  }
  return is_still_at(path_, status);
}

void LockedFile::check_kind() {
  found_length_ = static_cast<std::uint64_t>(status_of(path_, fd_.get()).st_size);
  std::array<std::byte, magic.size()> start{};
  const ssize_t got = check(read_fully(fd_.get(), 0, start), "read " + path_);
  if (found_length_ != 0 &&
      !(got == static_cast<ssize_t>(start.size()) && std::ranges::equal(start, magic_bytes()))) {
    throw UserError(fmt::format(
        "{} is not a paging file, and not empty, so it is left alone; name another, or remove it first",
        path_));
  }
  if (!is_in_mount_of_directory(path_, fd_.get())) {
    throw UserError(fmt::format(
        "{} is mounted as a single file; mount its directory, for slots lie in further files beside it",
        path_));
  }
}

void LockedFile::make_paging_file(std::uint64_t room) {
  std::array<std::byte, header_bytes> header{};
  std::ranges::copy(magic_bytes(), header.begin());
  const int fd = fd_.get();
  const std::uint64_t length = header_bytes + room;
  // The header is on the disk before there is more: a file that a power failure left is known again.
  const bool done = write_fully(fd, 0, header) && ::fdatasync(fd) == 0 &&
                    (found_length_ <= length || set_length(fd, length)) &&
                    allocate_or_undo(fd, header_bytes, room) && ::fchmod(fd, 0600) == 0;
  if (!done) throw UserError(why_no_room(path_, fd, room, errno));
}

}  // namespace samepage::dedup
