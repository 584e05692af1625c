// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/staging_area.hpp"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <cstring>

#include "base/file_figures.hpp"
#include "dedup/daemon/frame_store.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint64_t bit_of(PageIndex page) {
  return std::uint64_t{1} << page.value % 64U;
}

}  // namespace

StagingArea::StagingArea(std::uint32_t pages)
    : fd_(make_staging(slots)), memory_(Mapping::shared(fd_.get(), max_bytes)), awaited_(slots) {
  for (std::uint32_t slot = slots; slot-- > 0;) free_slots_.push_back(slot);
  asked_for_.grow(pages / 64 + 1);
}

void StagingArea::request(PageIndex page) {
  std::uint64_t& word = asked_for_[page.value / 64];
  if ((word & bit_of(page)) == 0) waiting_.push_back(page);
  word |= bit_of(page);
}

std::vector<wire::Donation> StagingArea::assign_slots() {
  std::vector<wire::Donation> assigned;
  // Whoever is asked for a few pages donates a few, and would be asked for as few again.
  if (free_slots_.size() < std::min<std::size_t>(waiting_.size(), slots / 2)) return assigned;
  while (!waiting_.empty() && !free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    awaited_[slot] = waiting_.front();
    assigned.push_back({waiting_.front(), slot});
    waiting_.pop_front();
  }
  return assigned;
}

bool StagingArea::take(const wire::Donation& donation, std::span<std::byte, page_size> copy) {
  const auto [page, slot] = donation;
  if (slot >= awaited_.size() || awaited_[slot] != page) return false;
  awaited_[slot].reset();
  free_slots_.push_back(slot);
  asked_for_[page.value / 64] &= ~bit_of(page);
  std::memcpy(copy.data(), memory_.data() + PageCount{slot}.bytes(), page_size);
  return true;
}

void StagingArea::give_back_if_idle() noexcept {
  if (free_slots_.size() != awaited_.size() || !waiting_.empty()) return;
  ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(memory_.size()));
}

std::uint64_t StagingArea::bytes() const {
  return figures_of_file(fd_.get()).allocated_bytes;
}

}  // namespace samepage::dedup
