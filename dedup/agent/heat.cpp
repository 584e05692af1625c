// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/heat.hpp"

#include <algorithm>

namespace samepage::dedup {

bool Heat::due(std::uint32_t range) {
  std::uint8_t& rest = ranges_[range].rest;
  if (rest == 0) return true;
  --rest;
  return false;
}

void Heat::end_rests() {
  for (Range& range : ranges_) range.rest = 0;
}

void Heat::looked(std::uint32_t range, std::uint32_t written) {
  Range& heat = ranges_[range];
  if (written < hot_pages) {
    heat = {};
    return;
  }
  constexpr unsigned most = forgiven + 5;
  static_assert((1U << (most - forgiven)) - 1 == longest_rest);
  heat.hot_looks = static_cast<std::uint8_t>(std::min<unsigned>(heat.hot_looks + 1U, most));
  if (heat.hot_looks > forgiven) {
    heat.rest = static_cast<std::uint8_t>((1U << (heat.hot_looks - forgiven)) - 1);
  }
}

}  // namespace samepage::dedup
