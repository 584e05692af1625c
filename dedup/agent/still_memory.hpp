// SPDX-License-Identifier: Apache-2.0
// A guest's memory while its agent replaces no page of it: for those who copy it or put it back.
#pragma once

#include <functional>

#include "base/types.hpp"
#include "dedup/agent/backing.hpp"

namespace samepage::dedup {

class StillMemory {
 public:
  virtual ~StillMemory() = default;
  /// Begins to watch what is written to all of the guest's RAM. False where writes can't be told: then all
  /// has to be copied while the guest is held.
  [[nodiscard]] virtual bool watch() = 0;
  /// Calls `visit` with the pages of RAM that have memory of the guest's own and may have been written since
  /// watch(), in order. False when it can't tell: then any page may have been.
  [[nodiscard]] virtual bool written(const std::function<void(const GfnRange&)>& visit) = 0;
  /// Makes memory what it was when the guest began to go on from `backing`, whose pages are those that were
  /// mapped then: all others were untouched. The guest must be held. Returns how many pages had memory of the
  /// guest's own. Throws std::system_error, and then the guest's memory is of no use.
  virtual std::uint64_t put_back(const Backing& backing) = 0;
};

}  // namespace samepage::dedup
