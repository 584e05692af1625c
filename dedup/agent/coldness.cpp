// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/coldness.hpp"

#include <algorithm>

namespace samepage::dedup {

Coldness::Coldness(std::uint32_t pages)
    : ranges_(pages / range_pages + (pages % range_pages != 0 ? 1 : 0)), pages_(pages) {}

void Coldness::written(PageIndex page) {
  ranges_[page.value / range_pages].written = pass_;
}

void Coldness::came_back(PageIndex page) {
  Range& range = ranges_[page.value / range_pages];
  range.written = pass_;     // used is as warm as written
  if (rests(range)) return;  // another page of those that went out together
  ++came_back_;
  const std::uint32_t rest = range.rest == 0 ? first_rest : std::uint32_t{2} * range.rest;
  range.rest = static_cast<std::uint16_t>(std::min(rest, longest_rest));
  range.rests_since = pass_;
}

std::vector<PageRange> Coldness::warmest() const {
  std::vector<PageRange> alike;
  for (std::uint32_t i = 0; i < ranges_.size(); ++i) {
    const std::uint32_t first = i * range_pages, count = std::min(range_pages, pages_ - first);
    if (i > 0 && ranges_[i].written == ranges_[i - 1].written) {
      alike.back().count += count;
    } else {
      alike.push_back({{first}, count});
    }
  }
  std::ranges::stable_sort(alike, std::ranges::less{}, [this](const PageRange& range) {
    return quiet(ranges_[range.first.value / range_pages]);
  });
  return alike;
}

std::vector<PageRange> Coldness::coldest(std::uint32_t least) const {
  std::vector<PageRange> cold;
  for (std::uint32_t i = 0; i < ranges_.size(); ++i) {
    if (quiet(ranges_[i]) < least || rests(ranges_[i])) continue;
    const std::uint32_t first = i * range_pages;
    cold.push_back({{first}, std::min(range_pages, pages_ - first)});
  }
  std::ranges::stable_sort(cold, std::ranges::greater{}, [this](const PageRange& range) {
    return quiet(ranges_[range.first.value / range_pages]);
  });
  return cold;
}

}  // namespace samepage::dedup
