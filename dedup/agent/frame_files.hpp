// SPDX-License-Identifier: Apache-2.0
// The files that a guest's frames are read and mapped from: the domain's store, and its slots in each paging
// file that the daemon has told of. All read-only. The agent's thread.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/frame_numbers.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class FrameFiles {
 public:
  explicit FrameFiles(UniqueFd store) : store_(std::move(store)) {}

  [[nodiscard]] int store() const { return store_.get(); }
  [[nodiscard]] UniqueFd take_store() { return std::move(store_); }
  /// The slots of a paging file; what was there under that number is closed.
  void set_slots(unsigned file, UniqueFd slots) { slots_[file] = std::move(slots); }
  /// Invalid when the daemon has not told of that file.
  [[nodiscard]] const UniqueFd& slots(unsigned file) const { return slots_[file]; }

  /// Whether the frames of a grant can be: those of the store are numbered below `max_frames`, and no grant
  /// leaves its file.
  [[nodiscard]] static bool are_frames(const wire::Grant& grant, std::uint32_t max_frames) {
    return is_slot(grant.frame) ? lies_below(ordinal_of(grant.frame), grant.count, max_slots)
                                : lies_below(grant.frame.value, grant.count, max_frames);
  }
  /// The file of a frame; -1 when there is none here.
  [[nodiscard]] int file_of(FrameId frame) const {
    return is_slot(frame) ? slots_[paging_file_of(frame)].get() : store_.get();
  }

 private:
  UniqueFd store_;
  std::array<UniqueFd, max_paging_files> slots_;
};

}  // namespace samepage::dedup
