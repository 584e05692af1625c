// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/paging_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/check.hpp"
#include "dedup/daemon/paging/disk_room.hpp"
#include "dedup/daemon/paging/locked_file.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// For file systems without O_TMPFILE: it has a name for a moment.
UniqueFd make_and_unlink(const std::string& directory) {
  std::string path = directory + "/.samepage-slots-XXXXXX";
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (fd && ::unlink(path.c_str()) != 0) fd.reset();
  return fd;
}

}  // namespace

PagingFile::PagingFile(PagingSpec spec) : spec_(std::move(spec)) {
  LockedFile file(spec_.path);
  if (spec_.initial > 0) margin_ = margin_bytes;
  file.make_paging_file(spec_.initial + margin_);
  fd_ = file.keep();
  set_aside_ = spec_.initial;
}

PagingFile::~PagingFile() {
  if (fd_) set_aside_up_to(spec_.initial);
}

UniqueFd PagingFile::make_slot_file() const {
  const std::string directory = directory_of(spec_.path);
  // O_EXCL: nobody who gets a descriptor can give it a name.
  if (fault_fails("file-making")) throw_errno("a file for slots in " + directory);
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0400));
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) fd = make_and_unlink(directory);
  if (!fd) throw_errno("a file for slots in " + directory);
  check(::fchmod(fd.get(), 0400), "fchmod");
  return fd;
}

bool PagingFile::give(int slots, std::uint32_t segment) {
  if (used_ + segment_bytes > spec_.max) return false;
  const std::uint64_t offset = segment * segment_bytes;
  if (set_aside_ >= segment_bytes ? allocate_from_aside(slots, offset)
                                  : allocate_or_undo(slots, offset, segment_bytes)) {
    fault_point("segment-taken");
    used_ += segment_bytes;
    return true;
  }
  ++errors_;
  set_aside_again();
  return false;
}

// Others may take what we make free on a full disk before we do: then this fails.
bool PagingFile::allocate_from_aside(int slots, std::uint64_t offset) {
  constexpr std::uint64_t step = margin_bytes / 16;
  set_aside_ -= segment_bytes;
  for (;;) {
    // Where it can't be shortened it holds more than we count, which harms nobody.
    static_cast<void>(set_length(fd_.get(), length()));
    if (!fault_fails("segment-taking") && allocate_or_undo(slots, offset, segment_bytes)) return true;
    if (errno != ENOSPC || margin_ < step) return false;
    margin_ -= step;
  }
}

void PagingFile::take_back(int slots, std::uint32_t segment) noexcept {
  invariant(used_ >= segment_bytes, "a segment of a paging file comes back that was not given");
  used_ -= segment_bytes;
  if (!fault_fails("segment-back") && punch_hole(slots, segment * segment_bytes, segment_bytes)) {
    set_aside_again();
  } else {
    ++errors_;  // still on the disk: to set as much aside would take it twice
  }
}

void PagingFile::forget(std::uint32_t segments) noexcept {
  invariant(used_ >= segments * segment_bytes, "segments of a paging file are forgotten that were not given");
  used_ -= segments * segment_bytes;
  set_aside_again();
}

void PagingFile::set_aside_again() noexcept {
  if (used_ < spec_.initial) set_aside_up_to(spec_.initial - used_);
}

// By segments: as much as the disk has. What is missing is tried again when more comes back.
void PagingFile::set_aside_up_to(std::uint64_t bytes) noexcept {
  while (set_aside_ < bytes) {
    if (!allocate_or_undo(fd_.get(), length(), segment_bytes)) return;
    set_aside_ += segment_bytes;
  }
  const std::uint64_t missing = spec_.initial > 0 ? margin_bytes - margin_ : 0;
  if (missing > 0 && allocate_or_undo(fd_.get(), length(), missing)) margin_ += missing;
}

std::uint64_t PagingFile::length() const {
  return LockedFile::header_bytes + set_aside_ + margin_;
}

}  // namespace samepage::dedup
