// SPDX-License-Identifier: Apache-2.0
// A guest's RAM cut where it changes whether pages are to be backed, and whether they lie in a mapping of the
// backing. Pure.
#pragma once

#include <span>
#include <vector>

#include "dedup/agent/guest_pages.hpp"

namespace samepage::dedup {

struct PageSpan {
  PageRange pages;      // in one region
  bool backed = false;  // among `backed`
  bool mapped = false;  // among `mapped`, and backed

  friend bool operator==(const PageSpan&, const PageSpan&) = default;
};

/// All pages, in ascending order. `backed` and `mapped` are in ascending order, without overlap.
[[nodiscard]] std::vector<PageSpan> spans_of(const GuestPages& pages, std::span<const PageRange> backed,
                                             std::span<const PageRange> mapped);

}  // namespace samepage::dedup
