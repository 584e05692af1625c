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
#include "vmm/devices/virtio/file_as_it_was.hpp"
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
                                      : std::strerror(error) + way_out(config.expected));
  }
  bytes_ = length_of(file_.get(), config.path);
  require_whole_sectors(bytes_, config);
  sectors_ = (bytes_ + sector_bytes - 1) / sector_bytes;
  lock(file_.get(), config);
  if (const auto why = why_not_as_it_was(config.expected, as_it_is())) throw cannot_use(config.path, *why);
  if (access_ == DiskAccess::overlay) overlay_ = std::make_unique<DiskOverlay>(sectors_);
}

FileAsItWas DiskFile::as_it_is() const {
  return file_as_it_is(file_.get(), bytes_);
}

bool DiskFile::read(std::uint64_t sector, std::span<std::byte> to) {
  if (!overlay_) return read_file(sector, to);
  while (!to.empty()) {
    const DiskOverlay::Place place = overlay_->place_of(sector, to.size() / sector_bytes);
    const auto part = to.first(place.sectors * sector_bytes);
    if (!(place.fd < 0 ? read_file(sector, part) : read_all(place.fd, part, place.at))) return false;
    to = to.subspan(part.size());
    sector += place.sectors;
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

DiskFile::Wrote DiskFile::write(std::uint64_t sector, std::span<const std::byte> from, std::uint64_t life) {
  if (overlay_) return overlay_->write(sector, from, life);
  if (!still_reaches(sector + from.size() / sector_bytes)) return Wrote::failed;
  return write_fully(file_.get(), offset_of(sector), from) ? Wrote::all : Wrote::failed;
}

DiskFile::Wrote DiskFile::write_zeroes(std::uint64_t sector, std::uint64_t count, std::uint64_t life) {
  if (overlay_) return overlay_->write_zeroes(sector, count, life);
  if (!still_reaches(sector + count)) return Wrote::failed;
  const std::uint64_t offset = offset_of(sector);
  const bool punched = ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   static_cast<off_t>(offset), static_cast<off_t>(offset_of(count))) == 0;
  return punched || write_zeros(file_.get(), count * sector_bytes, offset) ? Wrote::all : Wrote::failed;
}

bool DiskFile::flush() {
  return access_ != DiskAccess::read_write || ::fdatasync(file_.get()) == 0;
}

}  // namespace samepage::vmm
