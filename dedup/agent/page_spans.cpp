// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_spans.hpp"

#include <algorithm>
#include <utility>

namespace samepage::dedup {
namespace {

PageRange range_of(const PageRange& range) {
  return range;
}
PageRange range_of(const BackedRun& run) {
  return run.pages;
}

// The item that `page` is in, or null, and the next page where that changes, `end` at most. The items before
// it are dropped: `page` only grows.
template <typename Item>
std::pair<const Item*, PageIndex> among(std::span<const Item>& items, PageIndex page, PageIndex end) {
  while (!items.empty() && range_of(items.front()).end() <= page) items = items.subspan(1);
  if (items.empty()) return {nullptr, end};
  const PageRange next = range_of(items.front());
  if (next.contains(page)) return {&items.front(), std::min(next.end(), end)};
  return {nullptr, std::min(next.first, end)};
}

}  // namespace

std::vector<PageSpan> spans_of(const GuestPages& pages, std::span<const BackedRun> backed,
                               std::span<const PageRange> mapped) {
  std::vector<PageSpan> spans;
  for (const GuestPages::Region& region : pages.regions()) {
    for (PageIndex page = region.pages.first; page < region.pages.end();) {
      const auto [run, backed_until] = among(backed, page, region.pages.end());
      const auto [mapping, until] = among(mapped, page, backed_until);
      spans.push_back({pages_between(page, until), run, run != nullptr && mapping != nullptr});
      page = until;
    }
  }
  return spans;
}

}  // namespace samepage::dedup
