// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_spans.hpp"

#include <algorithm>

namespace samepage::dedup {
namespace {

// Whether `page` is among the ranges, and the next page where that changes, `end` at most. `next` goes along.
struct Among {
  bool is = false;
  PageIndex until;
};
Among among(std::span<const PageRange>& ranges, PageIndex page, PageIndex end) {
  while (!ranges.empty() && ranges.front().end() <= page) ranges = ranges.subspan(1);
  if (ranges.empty()) return {false, end};
  const PageRange& next = ranges.front();
  if (next.contains(page)) return {true, std::min(next.end(), end)};
  return {false, std::min(next.first, end)};
}

}  // namespace

std::vector<PageSpan> spans_of(const GuestPages& pages, std::span<const PageRange> backed,
                               std::span<const PageRange> mapped) {
  std::vector<PageSpan> spans;
  for (const GuestPages::Region& region : pages.regions()) {
    for (PageIndex page = region.pages.first; page < region.pages.end();) {
      const Among in_backed = among(backed, page, region.pages.end());
      const Among in_mapped = among(mapped, page, in_backed.until);
      spans.push_back({pages_between(page, in_mapped.until), in_backed.is, in_backed.is && in_mapped.is});
      page = in_mapped.until;
    }
  }
  return spans;
}

}  // namespace samepage::dedup
