// SPDX-License-Identifier: Apache-2.0
// Where a domain's slots may lie: what the ledger asks when a page is to go out. The numbers of slots are the
// ledger's own; whether there is room on a disk behind a number is known here. The daemon's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.hpp"

namespace samepage::dedup {

class SlotRoom {
 public:
  virtual ~SlotRoom() = default;
  /// The paging file that the next slot is to be in: the files take turns, by runs. Empty when none has room.
  [[nodiscard]] virtual std::optional<unsigned> next_file() = 0;
  /// Slots of that file are to have ordinals below.
  [[nodiscard]] virtual std::uint32_t end(unsigned file) const = 0;
  /// There is no free number below.
  virtual void all_taken(unsigned file) = 0;
  /// The slot is in use from now on. False when there is no room for it: then end() is lower from now on, or
  /// next_file() names another file, or none.
  [[nodiscard]] virtual bool take(FrameId slot) = 0;
  /// Whether that file is being removed: its slots are not to be granted to anybody else.
  [[nodiscard]] virtual bool is_leaving(unsigned file) const = 0;
  /// The slot is not in use any more.
  virtual void release(FrameId slot) noexcept = 0;
};

}  // namespace samepage::dedup
