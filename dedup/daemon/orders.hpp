// SPDX-License-Identifier: Apache-2.0
// What the outside has to do after calls to a Merger.
#pragma once

#include <vector>

#include "base/types.hpp"
#include "dedup/daemon/sighting.hpp"

namespace samepage::dedup {

struct PageAndFrame {
  PageId page;
  FrameId frame;
};

struct MergerOrders {
  std::vector<PageAndFrame> grants;     // map this page to that frame
  std::vector<PageAndFrame> donations;  // copy this page out, its bytes are for that frame
  std::vector<FrameId> reaped;          // of the store, and no reference is left: their memory can go
  std::vector<FrameId> copies;          // of the store: their bytes are for their twins, which are slots
  std::uint64_t frames_out = 0;         // of the reaped ones, those whose content is in a slot
};

}  // namespace samepage::dedup
