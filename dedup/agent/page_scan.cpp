// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_scan.hpp"

namespace samepage::dedup {

using State = PageStates::State;

// Such pages are given back at once. Others have to be quiet first, for the guest may be about to fill them;
// but most of a guest's zero pages stay what they are, and protecting them only to find that out costs as
// much as giving them back.
std::vector<PageRange> PageScan::new_zero_pages(const Tracker::Look& look) {
  std::vector<PageRange> zero;
  for (const PageRange& range : look.written) {
    PageIndex first = range.first;
    while (first < range.end() && !states_.is(first, State::untouched)) ++first;
    if (first == range.end()) continue;
    const std::span<const std::byte> memory = pages_.bytes_of(pages_between(first, range.end()));
    for (const PageRun& run : pagemap_.populated(memory, Pagemap::Files::none)) {
      if (!run.is_surely_own()) continue;
      for (const PageIndex page : pages_of(run, first)) {
        if (!states_.is(page, State::untouched)) continue;
        states_.seen(page);
        if (run.is_own() && !is_uniform() && looks_zero(pages_.host(page))) wire::append_page(zero, page);
      }
    }
  }
  return zero;
}

void PageScan::take(const Tracker::Look& look, const DigestSecret& secret, Findings& findings) {
  const Tracker::Changes changes = tracker_.take(look);
  for (const PageRange& range : changes.own) {
    for (const PageIndex page : range) {
      note_break(page, findings);
      if (!tracks_writes()) continue;
      coldness_.written(page);
      findings.changed(page);
    }
  }
  for (const PageRange& range : changes.candidates) {
    for (const PageIndex page : range) consider(page, secret, findings);
  }
}

void PageScan::find_breaks(const PageRange& range, Findings& findings) {
  for (const PageRun& run : pagemap_.populated(pages_.bytes_of(range))) {
    if (!run.is_surely_own()) continue;
    for (const PageIndex page : pages_of(run, range.first)) note_break(page, findings);
  }
}

// The page has memory of the guest's own, swapped out or not: if it was merged, or given back, it was written
// since.
void PageScan::note_break(PageIndex page, Findings& findings) {
  if (states_.is(page, State::untouched) || states_.is(page, State::discarded)) states_.seen(page);
  if (!states_.is_shared(page)) return;
  if (states_.is(page, State::zero) && !pagemap_.sees_zero_page() && is_zero_page(pages_.host(page))) {
    // Only read, or written with zeros: without PAGEMAP_SCAN nobody can tell. It is given back once more.
    states_.written(page);
    return;
  }
  if (states_.is_paged(page)) {
    if (!states_.is_resident(page)) findings.used(page);
    coldness_.came_back(page);
  }
  findings.written(page);
  tracker_.forget(page);
}

// A page table entry is made when the guest reads the page, or one of the few beside it: the kernel's page
// cache has many more, which it has read ahead.
std::uint64_t PageScan::find_resident(const std::vector<PageRange>& paged, Findings& findings) {
  std::uint64_t count = 0;
  for (const PageRange& range : paged) {
    PageIndex next = range.first;
    const auto none_until = [&](PageIndex end) {
      for (; next < end; ++next) {
        if (states_.is_resident(next)) states_.resident(next, false);
      }
    };
    for (const PageRun& run : pagemap_.populated(pages_.bytes_of(range))) {
      if (!run.is(page_is_file) || !run.is(page_is_present)) continue;
      const PageRange pages = pages_of(run, range.first);
      none_until(pages.first);
      for (next = pages.first; next < pages.end(); ++next) {
        ++count;
        if (states_.is_resident(next)) continue;
        states_.resident(next, true);
        coldness_.came_back(next);
        findings.used(next);
      }
    }
    none_until(range.end());
  }
  return count;
}

// A page that is quiet for sure may be given back on a guess: all of it is compared while the guest is held.
// In a uniform domain zeros are a content like any other: a program that may write to a page would find out
// by time that it is all zero.
bool PageScan::is_zero(const std::byte* memory) const {
  if (is_uniform()) return false;
  return tracks_writes() ? looks_zero(memory) : is_zero_page(memory);
}

void PageScan::consider(PageIndex page, const DigestSecret& secret, Findings& findings) {
  if (states_.is_shared(page)) return;  // nothing of its own to share
  const std::byte* const memory = pages_.host(page);
  const bool zero = is_zero(memory);
  const bool is_hashed = !zero && !tracks_writes();
  const Digest digest = is_hashed ? digest_of_page(memory, secret) : Digest{};
  if (!tracker_.quiet(page, digest)) {
    coldness_.written(page);
    findings.changed(page);
  } else if (zero) {
    findings.quiet_zero(page);
  } else if (states_.stands_offered(page)) {
    // What it is was found out before.
  } else if (const auto run = origins_.same(page, memory)) {
    findings.quiet_as_before(*run);
  } else if (offers()) {
    findings.quiet(page, is_hashed ? digest : digest_of_page(memory, secret));
  }
}

void PageScan::offer_what_is_left(const std::vector<BackedRun>& runs, const DigestSecret& secret,
                                  Findings& findings) {
  if (!offers()) return;
  for (const BackedRun& run : runs) {
    for (const PageIndex page : run.pages) {
      if (!states_.is_shared(page)) findings.quiet(page, digest_of_page(pages_.host(page), secret));
    }
  }
}

void PageScan::offer_the_others(const std::vector<PageRange>& zero, const DigestSecret& secret,
                                Findings& findings) {
  if (!tracks_writes() || !offers()) return;
  for (const PageRange& range : zero) {
    for (const PageIndex page : range) {
      if (!states_.is(page, State::zero)) findings.quiet(page, digest_of_page(pages_.host(page), secret));
    }
  }
}

}  // namespace samepage::dedup
