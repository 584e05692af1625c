// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/sector_set.hpp"

#include <algorithm>

#include "base/types.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint64_t sectors_per_page = 8 * page_size;  // of bits

}  // namespace

SectorSet::SectorSet(std::uint64_t sectors)
    : sectors_(sectors),
      bits_(Mapping::anonymous(pages_for(sectors / 8 + 1).bytes())),
      used_(sectors / sectors_per_page + 1) {}

void SectorSet::add(std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t sector = first; sector < first + count; ++sector) {
    bits_.data()[sector / 8] |= std::byte{1} << sector % 8;
    used_[sector / sectors_per_page] = true;
    empty_ = false;
  }
}

bool SectorSet::has(std::uint64_t sector) const {
  return used_[sector / sectors_per_page] &&
         (std::to_integer<unsigned>(bits_.data()[sector / 8]) >> sector % 8 & 1U) != 0;
}

std::uint64_t SectorSet::same_until(std::uint64_t first, std::uint64_t end) const {
  const bool in = has(first);
  std::uint64_t sector = first + 1;
  while (sector < end && has(sector) == in) ++sector;
  return std::min(sector, end);
}

void SectorSet::for_each_range(
    const std::function<void(std::uint64_t first, std::uint64_t end)>& visit) const {
  for (std::uint64_t sector = 0; sector < sectors_;) {
    if (!used_[sector / sectors_per_page]) {
      sector = (sector / sectors_per_page + 1) * sectors_per_page;
    } else if (bits_.data()[sector / 8] == std::byte{0} && sector % 8 == 0) {
      sector += 8;
    } else if (has(sector)) {
      const std::uint64_t end = same_until(sector, sectors_);
      visit(sector, end);
      sector = end;
    } else {
      ++sector;
    }
  }
}

}  // namespace samepage::vmm
