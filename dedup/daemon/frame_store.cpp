// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/frame_store.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <array>
#include <string>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/open_again.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t growth = std::uint64_t{64} << 20;  // of the file at a time; its holes cost nothing

UniqueFd make_memfd(const char* name) {
  return checked_fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
}

}  // namespace

FrameStore::FrameStore() : fd_(make_memfd("samepage-frames")) {
  check(::fchmod(fd_.get(), 0444), "fchmod of the frame store");
  check(::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), "fcntl F_ADD_SEALS");
}

UniqueFd FrameStore::open_read_only() const {
  return open_to_read(fd_.get(), "open the frame store read-only");
}

void FrameStore::write(FrameId frame, std::span<const std::byte> bytes) {
  const std::uint64_t end = frame.offset() + page_size;
  if (end > size_) {
    const std::uint64_t size = (end + growth - 1) / growth * growth;
    check(::ftruncate(fd_.get(), static_cast<off_t>(size)), "ftruncate of the frame store");
    size_ = size;
  }
  const ssize_t written =
      check(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(frame.offset())),
            "write of a frame");
  invariant(bytes.size() == page_size && written == static_cast<ssize_t>(page_size),
            "a frame was written in part");
}

void FrameStore::read(FrameId frame, std::span<std::byte> bytes) const {
  const ssize_t got = check(
      ::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(frame.offset())), "read of a frame");
  invariant(bytes.size() == page_size && got == static_cast<ssize_t>(page_size), "a frame was read in part");
}

void FrameStore::copy(FrameId from, FrameId to) {
  std::array<std::byte, page_size> bytes{};
  read(from, bytes);
  write(to, bytes);
}

void FrameStore::reap(FrameId first, std::uint32_t count) {
  check(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first.offset()),
                    static_cast<off_t>(PageCount{count}.bytes())),
        "fallocate PUNCH_HOLE");
}

std::uint64_t FrameStore::allocated_bytes() const {
  return figures_of_file(fd_.get()).allocated_bytes;
}

std::uint64_t FrameStore::inode() const {
  return figures_of_file(fd_.get()).inode;
}

UniqueFd make_staging(std::uint32_t pages) {
  UniqueFd fd = make_memfd("samepage-staging");
  check(::ftruncate(fd.get(), static_cast<off_t>(PageCount{pages}.bytes())), "ftruncate of the staging area");
  check(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), "fcntl F_ADD_SEALS");
  return fd;
}

}  // namespace samepage::dedup
