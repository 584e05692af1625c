// SPDX-License-Identifier: Apache-2.0
// The frames of one domain: a memfd, one frame per page of it. A frame is written once, before anybody is
// granted it, and never changes until it is reaped; then its memory is given back to the host (a hole is
// punched).
//
// The file is sealed against shrinking: a truncation would zap the private copies that guests have made over
// it, while a punched hole leaves them alone (fallocate(2), mm/truncate.c: unmap_mapping_range with even_cows
// = 0). F_SEAL_FUTURE_WRITE would forbid holes, so what keeps guests from writing is that they get the file
// read-only, mode 0444, and F_SEAL_SEAL keeps them from adding seals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::dedup {

class FrameStore {
 public:
  /// An empty store. Throws std::system_error.
  FrameStore();

  /// A descriptor to hand to agents: it can be read and mapped, not written. Throws std::system_error.
  [[nodiscard]] UniqueFd open_read_only() const;

  /// Writes a frame's page_size bytes. The frame must not be granted to anybody. Throws std::system_error.
  void write(FrameId frame, std::span<const std::byte> bytes);
  /// The bytes of a frame that was written. Throws std::system_error.
  void read(FrameId frame, std::span<std::byte> bytes) const;
  /// Copies a frame to one that is granted to nobody. Throws std::system_error.
  void copy(FrameId from, FrameId to);
  /// Gives back the memory of [first, first + count). Throws std::system_error.
  void reap(FrameId first, std::uint32_t count);
  /// Every frame that was ever written is numbered below.
  [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(pages_in(size_).value); }

  /// Memory that the kernel has allocated for the store, in bytes (st_blocks).
  [[nodiscard]] std::uint64_t allocated_bytes() const;
  /// Tells the store from every other, for those who map it too.
  [[nodiscard]] std::uint64_t inode() const;

 private:
  UniqueFd fd_;
  std::uint64_t size_ = 0;  // of the file, in bytes
};

/// An area of `pages` pages that both the daemon and one agent can write, sealed against shrinking so that a
/// peer that truncates it cannot make us fault. Throws std::system_error.
UniqueFd make_staging(std::uint32_t pages);

}  // namespace samepage::dedup
