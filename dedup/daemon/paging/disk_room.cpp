// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/disk_room.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

#include "base/file_bytes.hpp"

namespace samepage::dedup {
namespace {

bool change_room(int fd, int mode, std::uint64_t offset, std::uint64_t size) {
  while (::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// Blocks that were written are there.
bool write_zeros(int fd, std::uint64_t offset, std::uint64_t size) {
  static constexpr std::array<std::byte, std::size_t{1} << 16> zeros{};
  while (size > 0) {
    const std::size_t step = std::min<std::uint64_t>(size, zeros.size());
    if (!write_fully(fd, offset, std::span(zeros).first(step))) return false;
    offset += step;
    size -= step;
  }
  return true;
}

bool allocate(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size == 0 || change_room(fd, 0, offset, size)) return true;
  return (errno == EOPNOTSUPP || errno == ENOSYS) && write_zeros(fd, offset, size);
}

}  // namespace

bool allocate_or_undo(int fd, std::uint64_t offset, std::uint64_t size) noexcept {
  struct stat before {};
  if (::fstat(fd, &before) != 0) return false;
  if (allocate(fd, offset, size)) return true;
  const int error = errno;
  // Some file systems keep the part that they had room for.
  const auto length = static_cast<std::uint64_t>(before.st_size);
  static_cast<void>(punch_hole(fd, offset, size));
  struct stat after {};
  if (::fstat(fd, &after) == 0 && after.st_size > before.st_size) static_cast<void>(set_length(fd, length));
  errno = error;
  return false;
}

bool punch_hole(int fd, std::uint64_t offset, std::uint64_t size) noexcept {
  return change_room(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

bool set_length(int fd, std::uint64_t length) noexcept {
  while (::ftruncate(fd, static_cast<off_t>(length)) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace samepage::dedup
