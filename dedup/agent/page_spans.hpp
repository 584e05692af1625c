// SPDX-License-Identifier: Apache-2.0
// A guest's RAM cut where it changes whether and where pages are backed, and whether they lie in a mapping of
// the file. Pure.
#pragma once

#include <span>
#include <vector>

#include "dedup/agent/backing.hpp"
#include "dedup/agent/guest_pages.hpp"

namespace samepage::dedup {

struct PageSpan {
  PageRange pages;                 // in one region
  const BackedRun* run = nullptr;  // that they are in; null: they are not backed
  bool mapped = false;             // among `mapped`, and backed

  friend bool operator==(const PageSpan&, const PageSpan&) = default;
};

/// All pages, in ascending order. `backed` and `mapped` are in ascending order, without overlap; the runs
/// must outlive the spans.
[[nodiscard]] std::vector<PageSpan> spans_of(const GuestPages& pages, std::span<const BackedRun> backed,
                                             std::span<const PageRange> mapped);

}  // namespace samepage::dedup
