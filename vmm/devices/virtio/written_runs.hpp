// SPDX-License-Identifier: Apache-2.0
// What a guest has written in place of what a file of the host holds (an overlay disk, private persistent
// memory): where those bytes are. Plain values.
#pragma once

#include <cstdint>
#include <span>

namespace samepage::vmm {

/// Bytes [first, end()) of a device are at `at` of a file, which is named by its number in some list.
struct WrittenRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint32_t file = 0;
  std::uint64_t at = 0;

  [[nodiscard]] constexpr std::uint64_t end() const { return first + count; }
  friend bool operator==(const WrittenRun&, const WrittenRun&) = default;
};

// For laid_over() (base/laid_over.hpp).
constexpr std::uint64_t first_of(const WrittenRun& run) {
  return run.first;
}
constexpr std::uint64_t end_of(const WrittenRun& run) {
  return run.end();
}
constexpr void extend_to(WrittenRun& run, std::uint64_t end) {
  run.count = end - run.first;
}
constexpr WrittenRun part_of(const WrittenRun& run, std::uint64_t first, std::uint64_t end) {
  return {first, end - first, run.file, run.at + (first - run.first)};
}
constexpr bool continues(const WrittenRun& run, const WrittenRun& next) {
  return run.end() == next.first && run.file == next.file && run.at + run.count == next.at;
}

/// The run that has `byte`, or the first one behind it; runs.end() if there is none.
[[nodiscard]] std::span<const WrittenRun>::iterator run_at(std::span<const WrittenRun> runs,
                                                           std::uint64_t byte);

}  // namespace samepage::vmm
