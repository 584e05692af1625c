// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/mmio_bus.hpp"

#include <algorithm>
#include <limits>

namespace samepage::vmm {

bool MmioBus::add(Gpa first, std::uint64_t bytes, MmioDevice& device) {
  if (bytes == 0 || bytes > std::numeric_limits<std::uint64_t>::max() - first.value) return false;
  const Range added{first, first + bytes, &device};
  const auto taken = [&](const Range& other) { return added.first < other.end && other.first < added.end; };
  if (std::any_of(ranges_.begin(), ranges_.end(), taken)) return false;
  ranges_.push_back(added);
  return true;
}

MmioAccess MmioBus::find(Gpa address, std::size_t size, const Range*& found) const {
  for (const Range& range : ranges_) {
    // Differences, not sums: an access may end at the last address there is.
    if (address < range.first) {
      if (range.first - address < size) return MmioAccess::straddles;
    } else if (address < range.end) {
      if (range.end - address < size) return MmioAccess::straddles;
      found = &range;
      return MmioAccess::done;
    }
  }
  return MmioAccess::no_device;
}

MmioAccess MmioBus::write(Gpa address, std::span<const std::byte> data) const {
  const Range* range = nullptr;
  const MmioAccess access = find(address, data.size(), range);
  if (range != nullptr) range->device->write(address - range->first, data);
  return access;
}

MmioAccess MmioBus::read(Gpa address, std::span<std::byte> data) const {
  const Range* range = nullptr;
  const MmioAccess access = find(address, data.size(), range);
  if (range != nullptr) range->device->read(address - range->first, data);
  return access;
}

}  // namespace samepage::vmm
