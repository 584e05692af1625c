// SPDX-License-Identifier: Apache-2.0
// What a bus knows: which device has which range of numbers, be they ports or addresses. Ranges are added
// while the machine is built; after that any thread may look.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace samepage::vmm {

/// What became of an access; one that belongs to two devices, or to one in part, is made to neither.
enum class DeviceAccess : std::uint8_t { done, no_device, straddles };

template <typename Device>
class DeviceRanges {
 public:
  /// `highest`: the last number there is.
  explicit DeviceRanges(std::uint64_t highest) : highest_(highest) {}

  /// False, and nothing is added, when the range is taken, empty or goes beyond the last number. The device
  /// must outlive this.
  [[nodiscard]] bool add(std::uint64_t first, std::uint64_t count, Device& device) {
    if (count == 0 || first > highest_ || count - 1 > highest_ - first) return false;
    const Range added{first, first + (count - 1), &device};
    const auto taken = [&](const Range& other) {
      return added.first <= other.last && other.first <= added.last;
    };
    if (std::any_of(ranges_.begin(), ranges_.end(), taken)) return false;
    ranges_.push_back(added);
    return true;
  }

  /// Calls act(device, offset from its first number) when a device has all of [first, first + size).
  template <typename Act>
  DeviceAccess access(std::uint64_t first, std::size_t size, Act act) const {
    for (const Range& range : ranges_) {
      // Differences, not sums: an access may end at the last number there is.
      if (first < range.first) {
        if (range.first - first < size) return DeviceAccess::straddles;
      } else if (first <= range.last) {
        if (size > 1 && range.last - first < size - 1) return DeviceAccess::straddles;
        act(*range.device, first - range.first);
        return DeviceAccess::done;
      }
    }
    return DeviceAccess::no_device;
  }

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
    Device* device;
  };

  std::uint64_t highest_;
  std::vector<Range> ranges_;
};

}  // namespace samepage::vmm
