// SPDX-License-Identifier: Apache-2.0
// Gives memory of a frame store back: that of frames that were reaped, and that which belongs to no frame. A
// peer that reads a hole of the store makes the kernel put a page there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dedup/daemon/frame_refs.hpp"
#include "dedup/daemon/frame_store.hpp"
#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

class StoreTrimmer {
 public:
  StoreTrimmer(FrameStore& store, const FrameRefs& records) : store_(store), records_(records) {}
  StoreTrimmer(const StoreTrimmer&) = delete;
  StoreTrimmer& operator=(const StoreTrimmer&) = delete;
  ~StoreTrimmer() = default;

  /// Frames that nobody maps any more. Throws std::system_error.
  void reap(std::vector<FrameId> frames);

  /// Looks for memory that belongs to no frame, if there can be any. go_on() gives it back.
  void begin();
  [[nodiscard]] bool busy() const { return next_.has_value(); }
  /// True when all is done. Throws std::system_error.
  [[nodiscard]] bool go_on(Turn& turn);

 private:
  FrameStore& store_;
  const FrameRefs& records_;
  std::optional<std::uint32_t> next_;  // frame to be looked at next, while there are some
};

}  // namespace samepage::dedup
