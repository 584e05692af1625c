// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/disk_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/file_bytes.hpp"
#include "base/types.hpp"
#include "base/unnamed_file.hpp"
#include "vmm/devices/virtio/file_lock.hpp"

namespace samepage::vmm {
namespace {

UserError cannot_use(const std::string& path, const std::string& why) {
  return UserError(fmt::format("cannot use disk {}: {}", path, why));
}

std::uint64_t length_of(int fd, const std::string& path) {
  struct stat info {};
  check(::fstat(fd, &info), "fstat " + path);
  std::uint64_t bytes = 0;
  if (S_ISREG(info.st_mode)) {
    bytes = static_cast<std::uint64_t>(info.st_size);
  } else if (S_ISBLK(info.st_mode)) {
    check(::ioctl(fd, BLKGETSIZE64, &bytes), "ioctl BLKGETSIZE64 of " + path);
  } else {
    throw cannot_use(path, "it is neither a file nor a block device");
  }
  if (bytes == 0)
    throw cannot_use(path, fmt::format("it is empty; 'truncate -s 64M {}' makes it larger", path));
  return bytes;
}

// The guest has whole sectors. A file is not made longer behind its owner's back.
void require_whole_sectors(std::uint64_t bytes, const DiskConfig& config) {
  if (bytes % sector_bytes == 0 || config.access != DiskAccess::read_write) return;
  throw cannot_use(
      config.path,
      fmt::format("it has {} bytes, not a multiple of {}, so its end can't be written; 'truncate -s "
                  "%{} {}' adds zeros to it, or use ',overlay' or ',ro'",
                  bytes, sector_bytes, sector_bytes, config.path));
}

void lock(int fd, const DiskConfig& config) {
  const bool alone = config.access == DiskAccess::read_write;
  if (lock_file(fd, alone ? FileUse::alone : FileUse::unchanging)) return;
  throw cannot_use(
      config.path,
      alone ? "another guest uses it; to write a disk a guest must have it alone: stop "
              "the other one, or give this one a private copy with ',overlay'"
            : "another guest writes it (',rw', or ',shared' as persistent memory); stop that one, or "
              "copy the file");
}

std::uint64_t offset_of(std::uint64_t sector) {
  return sector * sector_bytes;
}

// Less than all: the file has become shorter.
bool read_all(int fd, std::span<std::byte> to, std::uint64_t offset) {
  return read_fully(fd, offset, to) == static_cast<ssize_t>(to.size());
}

bool write_zeros(int fd, std::uint64_t bytes, std::uint64_t offset) {
  static constexpr std::array<std::byte, 16384> zeros{};
  while (bytes != 0) {
    const auto part = std::min<std::uint64_t>(bytes, zeros.size());
    if (!write_fully(fd, offset, std::span(zeros).first(part))) return false;
    bytes -= part;
    offset += part;
  }
  return true;
}

}  // namespace

DiskFile::DiskFile(const DiskConfig& config)
    : access_(config.access),
      // O_NONBLOCK: opening a FIFO must fail below, not wait for a writer.
      file_(::open(config.path.c_str(),
                   (config.access == DiskAccess::read_write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)) {
  if (!file_) {
    const int error = errno;
    throw cannot_use(config.path, error == EACCES && config.access == DiskAccess::read_write
                                      ? "you may not write it; use ',overlay' or ',ro'"
                                      : std::strerror(error));
  }
  bytes_ = length_of(file_.get(), config.path);
  require_whole_sectors(bytes_, config);
  sectors_ = (bytes_ + sector_bytes - 1) / sector_bytes;
  lock(file_.get(), config);
  if (access_ != DiskAccess::overlay) return;
  overlay_ = unnamed_file("a disk's changes");
  check(::ftruncate(overlay_.get(), static_cast<off_t>(offset_of(sectors_))),
        "ftruncate of a disk's overlay");
  changed_ = Mapping::anonymous(pages_for(sectors_ / 8 + 1).bytes());
}

bool DiskFile::is_changed(std::uint64_t sector) const {
  return changed_ && (std::to_integer<unsigned>(changed_.data()[sector / 8]) >> sector % 8 & 1U) != 0;
}

void DiskFile::note_changed(std::uint64_t sector, std::uint64_t count) {
  for (const std::uint64_t end = sector + count; sector < end; ++sector) {
    changed_.data()[sector / 8] |= std::byte{1} << sector % 8;
  }
}

bool DiskFile::read(std::uint64_t sector, std::span<std::byte> to) {
  while (!to.empty()) {
    // As many as come from one of the two.
    const bool changed = is_changed(sector);
    std::uint64_t count = 1;
    while (count * sector_bytes < to.size() && is_changed(sector + count) == changed) ++count;
    const auto part = to.first(count * sector_bytes);
    if (!(changed ? read_all(overlay_.get(), part, offset_of(sector)) : read_file(sector, part)))
      return false;
    to = to.subspan(part.size());
    sector += count;
  }
  return true;
}

// What the last sector has beyond the file's end is zeros.
bool DiskFile::read_file(std::uint64_t sector, std::span<std::byte> to) {
  const std::uint64_t there = std::min<std::uint64_t>(to.size(), bytes_ - sector * sector_bytes);
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(there), to.end(), std::byte{0});
  return read_all(file_.get(), to.first(there), offset_of(sector));
}

// A file that was cut short while in use is not made longer again behind its owner's back.
bool DiskFile::still_reaches(std::uint64_t sector) const {
  struct stat info {};
  return ::fstat(file_.get(), &info) == 0 &&
         (!S_ISREG(info.st_mode) || info.st_size >= static_cast<off_t>(offset_of(sector)));
}

bool DiskFile::write(std::uint64_t sector, std::span<const std::byte> from) {
  const bool aside = access_ == DiskAccess::overlay;
  if (!aside && !still_reaches(sector + from.size() / sector_bytes)) return false;
  if (!write_fully(aside ? overlay_.get() : file_.get(), offset_of(sector), from)) return false;
  if (aside) note_changed(sector, from.size() / sector_bytes);
  return true;
}

bool DiskFile::write_zeroes(std::uint64_t sector, std::uint64_t count) {
  const bool aside = access_ == DiskAccess::overlay;
  if (!aside && !still_reaches(sector + count)) return false;
  const int fd = aside ? overlay_.get() : file_.get();
  const std::uint64_t offset = offset_of(sector);
  const bool punched = ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                   static_cast<off_t>(offset_of(count))) == 0;
  if (!punched && !write_zeros(fd, count * sector_bytes, offset)) return false;
  if (aside) note_changed(sector, count);
  return true;
}

bool DiskFile::flush() {
  return access_ != DiskAccess::read_write || ::fdatasync(file_.get()) == 0;
}

}  // namespace samepage::vmm
