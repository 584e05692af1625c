// SPDX-License-Identifier: Apache-2.0
// One paging file: room on one disk that is given out in segments. The file at the user's path holds the room
// that nobody uses yet, a lock that no second daemon gets, and nothing to read: slots lie in files without a
// name on the same file system, one for each domain, so that no domain gets a descriptor through which
// another's slots could be read, and none outlives the guests that map it. A page at the file's start says
// what it is, so that no file of anything else is ever taken. The daemon's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"
#include "dedup/daemon/paging/paging_spec.hpp"

namespace samepage::dedup {

class PagingFile {
 public:
  /// What is given out at once. A domain's file grows by segments.
  static constexpr std::uint64_t segment_bytes = std::uint64_t{8} << 20;
  /// What the file holds beyond its initial size, unless that is 0: room for what the file system has to
  /// note of slot files (such as blocks of extents). Without it, a disk that others have filled would have
  /// no room for a segment although as much was set aside.
  static constexpr std::uint64_t margin_bytes = std::uint64_t{1} << 20;

  /// Opens or creates the file (mode 0600), locks it, and sets the initial size aside without holes. Throws
  /// UserError that names the path: a directory, not a file, another user's, another daemon's, no room.
  explicit PagingFile(PagingSpec spec);
  PagingFile(PagingFile&&) noexcept = default;
  PagingFile& operator=(PagingFile&&) = delete;
  PagingFile(const PagingFile&) = delete;
  PagingFile& operator=(const PagingFile&) = delete;
  ~PagingFile();

  /// An empty file without a name on the same file system, to read and write. Mode 0400: nobody can open it
  /// again to write, though it be of the same user. Throws std::system_error.
  [[nodiscard]] UniqueFd make_slot_file() const;
  /// Segment number `segment` of `slots`, a file of make_slot_file(), gets its room on the disk. False, and
  /// nothing has changed, when the file has reached its maximum or the disk is full (which is counted in
  /// errors where it is below the maximum).
  [[nodiscard]] bool give(int slots, std::uint32_t segment);
  /// The room of that segment comes back. Where the file system cannot punch holes, that is when the slot
  /// file goes.
  void take_back(int slots, std::uint32_t segment) noexcept;
  /// A slot file with so many segments is gone, or will be when its last user has gone.
  void forget(std::uint32_t segments) noexcept;

  [[nodiscard]] const PagingSpec& spec() const { return spec_; }
  /// Bytes of segments that are given out.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  /// Bytes that it takes on the disk: given out and set aside. The margin is left out.
  [[nodiscard]] std::uint64_t size() const { return used_ + set_aside_; }
  /// Times that the disk refused room or did not take it back.
  [[nodiscard]] std::uint64_t errors() const { return errors_; }

 private:
  [[nodiscard]] bool allocate_from_aside(int slots, std::uint64_t offset);
  void set_aside_up_to(std::uint64_t bytes) noexcept;
  void set_aside_again() noexcept;
  [[nodiscard]] std::uint64_t length() const;

  PagingSpec spec_;
  UniqueFd fd_;
  std::uint64_t used_ = 0;
  // Allocated in the file at the path, behind its first page: whole segments, and what there is of the
  // margin.
  std::uint64_t set_aside_ = 0;
  std::uint64_t margin_ = 0;
  std::uint64_t errors_ = 0;
};

}  // namespace samepage::dedup
