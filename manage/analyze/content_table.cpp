// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/content_table.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace samepage::analyze {

std::uint64_t ContentTable::slots_for(std::uint64_t contents) const {
  std::uint64_t count = slot_count_;
  while ((size_ + contents) * 4 > count * 3) count *= 2;
  return count;
}

void ContentTable::make_room(std::uint64_t contents) {
  hashes_.grow(size_ + contents);
  const std::uint64_t count = slots_for(contents);
  if (count == slot_count_) return;
  make_slots(count);
  constexpr std::uint32_t ahead = 16;  // the hashes are read in a row, the slots are anywhere
  for (std::uint32_t number = 0; number < size_; ++number) {
    prefetch_slot(hashes_[std::min(number + ahead, size_ - 1)]);
    std::uint64_t at = home(hashes_[number]);
    while (slots()[at] != 0) at = (at + 1) & (slot_count_ - 1);
    slots()[at] = number + 1;
  }
}

std::uint64_t ContentTable::growth_bytes(std::uint64_t contents) const {
  return (slots_for(contents) - slot_count_) * sizeof(std::uint32_t) + contents * sizeof(WideHash);
}

std::uint32_t ContentTable::number_of(const WideHash& hash) {
  std::uint64_t at = home(hash);
  for (; slots()[at] != 0; at = (at + 1) & (slot_count_ - 1)) {
    if (hashes_[slots()[at] - 1] == hash) return slots()[at] - 1;
  }
  hashes_[size_] = hash;
  slots()[at] = ++size_;
  return size_ - 1;
}

std::uint64_t ContentTable::memory_bytes() const {
  return slots_.size() + size_ * sizeof(WideHash);
}

void ContentTable::make_slots(std::uint64_t count) {
  slots_ = Mapping();  // first, so that there are never two
  slots_ = Mapping::anonymous(count * sizeof(std::uint32_t));
  // All of it is in use at once: large pages save walks of the page tables.
  ::madvise(slots_.data(), slots_.size(), MADV_HUGEPAGE);
  slot_count_ = count;
}

}  // namespace samepage::analyze
