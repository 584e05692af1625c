// SPDX-License-Identifier: Apache-2.0
// What a guest has written in place of what a file of the host holds (an overlay disk, private persistent
// memory): where those bytes are. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace samepage::vmm {

/// Bytes [first, end()) of a device are at `at` of a file, which is named by its number in some list.
struct WrittenRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint32_t file = 0;
  std::uint64_t at = 0;

  [[nodiscard]] std::uint64_t end() const { return first + count; }
  friend bool operator==(const WrittenRun&, const WrittenRun&) = default;
};

/// `over` laid over `under`; of both and of the result: in ascending order, without overlap. Pure.
[[nodiscard]] std::vector<WrittenRun> laid_over(std::span<const WrittenRun> under,
                                                std::span<const WrittenRun> over);

/// The run that has `byte`, or the first one behind it; runs.end() if there is none.
[[nodiscard]] std::span<const WrittenRun>::iterator run_at(std::span<const WrittenRun> runs,
                                                           std::uint64_t byte);

}  // namespace samepage::vmm
