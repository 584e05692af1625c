// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/run_lengths.hpp"

#include <algorithm>
#include <bit>

namespace samepage::analyze {

std::vector<RunClass> RunLengths::classes() const {
  std::vector<RunClass> classes;
  for (const auto& [length, runs] : lengths_) {
    const std::uint64_t from = std::bit_floor(length);
    if (classes.empty() || classes.back().from != from) classes.push_back({from, from * 2 - 1, 0, 0});
    classes.back().runs += runs;
    classes.back().pages += runs * length;
  }
  return classes;
}

std::uint64_t RunLengths::pages_beyond(std::uint64_t most) const {
  std::uint64_t pages = 0;
  for (auto longest = lengths_.rbegin(); longest != lengths_.rend(); ++longest) {
    const std::uint64_t kept = std::min(most, longest->second);
    most -= kept;
    pages += (longest->second - kept) * longest->first;
  }
  return pages;
}

}  // namespace samepage::analyze
