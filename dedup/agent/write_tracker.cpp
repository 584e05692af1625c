// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/write_tracker.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <bit>

#include "base/process_memory.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t untracked_pages = 64;  // at most, that are looked at without tracking beside others

// What is being moved back while swap is turned off counts as memory: looking at it is what moves it.
bool host_has_swap() {
  struct sysinfo info {};
  return ::sysinfo(&info) != 0 || info.totalswap != 0;
}

// Takes the pages of one range of the heat's off the front.
PageRange take_heat_range(PageRange& rest) {
  const std::uint32_t number = Heat::range_of(rest.first.value);
  return rest.take_front((number + 1) * Heat::range_pages - rest.first.value);
}

}  // namespace

WriteTracker::WriteTracker(const GuestPages& pages, const PageStates& states, const Pagemap& pagemap,
                           WriteTracking tracking)
    : pages_(pages),
      states_(states),
      pagemap_(pagemap),
      tracking_(std::move(tracking)),
      unsettled_(Mapping::anonymous(pages_for(pages.count() / 8 + 8).bytes())),
      heat_(pages.count()) {}

// Mappings that replaced others are not tracked until they are registered. What was written there meanwhile
// is not lost: all that is populated in a newly registered mapping counts as written.
void WriteTracker::track_all() {
  for (const GuestPages::Region& region : pages_.regions()) {
    const std::span<const std::byte> memory = region.memory.bytes();
    if (tracking_.add(memory)) continue;
    // The kernel registers all of a range or nothing of it: one mapping that it refuses must not cost the
    // rest.
    const std::uint64_t start = address_of(memory.data());
    for (const MappedRange& mapping : mappings_in(start, start + memory.size())) {
      track(memory.subspan(mapping.start - start, mapping.end - mapping.start));
    }
  }
}

Tracker::Look WriteTracker::find_written(const PageRange& range) {
  Look look;
  PageRange together;  // ranges that are due, as many as possible at once: each scan is a call
  for (PageRange rest = range; !rest.empty();) {
    const PageRange one = take_heat_range(rest);
    if (heat_.due(Heat::range_of(one.first.value))) {
      if (together.empty()) together.first = one.first;
      together.count += one.count;
    } else if (!together.empty()) {
      ask(std::exchange(together, {}), look);
    }
  }
  if (!together.empty()) ask(together, look);
  return look;
}

bool WriteTracker::watch(const PageRange& range, const std::function<void(PageRange)>& own) {
  // Looks register what they need. A watch has to find all registered, and the guest is held meanwhile.
  if (replaced_) track_all();
  replaced_ = false;
  return tracking_.take_written(pages_.bytes_of(range), Pagemap::Files::possible, [&](const PageRun& run) {
    const PageRange pages = pages_of(run, range.first);
    if (run.is_private()) own(pages);
    if (run.is(page_is_zero)) return;
    for (const PageIndex page : pages) set_unsettled(page);
  });
}

bool WriteTracker::written_since(const PageRange& range, const std::function<void(PageRange)>& visit) const {
  return tracking_.visit_written(pages_.bytes_of(range), [&](const PageRun& run) {
    if (run.is_private()) visit(pages_of(run, range.first));
  });
}

// Mappings that replaced others are registered here, where asking for writes has failed: registering goes
// through all mappings of a range, of which there may be thousands.
void WriteTracker::ask(const PageRange& range, Look& look) {
  const std::span<std::byte> memory = pages_.bytes_of(range);
  auto written = tracking_.written(memory);
  if (!written && tracking_.add(memory)) written = tracking_.written(memory);
  if (!written && range.count > untracked_pages) {
    // Some of it can't be tracked: the kernel registers all of a range or nothing of it. The rest of it is
    // found by halves.
    PageRange rest = range;
    ask(rest.take_front(range.count / 2), look);
    return ask(rest, look);
  }
  if (!written) return look.untracked.push_back(range);
  look.due.push_back(range);
  for (const WriteTracking::Part& part : *written) {
    look.written.push_back(pages_of({part.first, part.count}, range.first));
  }
}

Tracker::Changes WriteTracker::take(const Look& look) {
  Changes changes;
  auto written = look.written.begin();
  for (const PageRange& due : look.due) {
    const std::size_t first_own = changes.own.size();
    const std::vector<PageRange> swapped = swapped_in(due);
    PageIndex settled_to = due.first;
    // Protecting invalidates a hypervisor's second-level tables for all of the range that is asked for,
    // written or not: only where something was written the guest has to fault its pages in again.
    for (; written != look.written.end() && due.contains(written->first); ++written) {
      const bool complete =
          tracking_.take_written(pages_.bytes_of(*written), files_in(*written), [&](const PageRun& run) {
            const PageRange pages = pages_of(run, written->first);
            // What was unsettled and was not written again has settled.
            take_settled(pages_between(settled_to, pages.first), swapped, changes.candidates);
            settled_to = pages.end();
            if (run.is_private()) changes.own.push_back(pages);
            if (run.is(page_is_zero)) return;
            for (const PageIndex page : pages) set_unsettled(page);
          });
      if (complete) continue;
      take_untracked(*written, changes);  // some may have been taken without our being told of them
      settled_to = written->end();
    }
    take_settled(pages_between(settled_to, due.end()), swapped, changes.candidates);
    note_heat(due, std::span(changes.own).subspan(first_own));
  }
  for (const PageRange& range : look.untracked) take_untracked(range, changes);
  wire::sort_by_page(changes.own);
  return changes;
}

// The page tables show that a page which was merged or given back has memory of the guest's own: that must be
// known, for the daemon keeps a frame for it. Nothing shows when such memory is written again.
void WriteTracker::take_untracked(const PageRange& range, Changes& changes) {
  for (const PageRun& run : pagemap_.populated(pages_.bytes_of(range))) {
    if (!run.is_surely_own()) continue;
    for (const PageIndex page : pages_of(run, range.first)) {
      set_unsettled(page);
      if (states_.is_shared(page)) changes.own.push_back({page, 1});
    }
  }
}

// Only where a store is mapped a page may be a file's.
Pagemap::Files WriteTracker::files_in(const PageRange& range) const {
  for (const PageIndex page : range) {
    if (states_.on_file(page)) return Pagemap::Files::possible;
  }
  return Pagemap::Files::none;
}

// A range is as hot as it has pages of the guest's own among the written ones. A mapping that has just come
// looks written too, but is a file's.
void WriteTracker::note_heat(const PageRange& due, std::span<const PageRange> own) {
  PageRange left;  // of the run that is being counted
  auto next = own.begin();
  for (PageRange rest = due; !rest.empty();) {
    const PageRange one = take_heat_range(rest);
    std::uint32_t written = 0;
    for (;;) {
      if (left.empty() && next != own.end()) left = *next++;
      if (left.empty() || left.first >= one.end()) break;
      written += left.take_front(one.end() - left.first).count;
    }
    heat_.looked(Heat::range_of(one.first.value), written);
  }
}

// Asked only where there is something unsettled, on a host that has swap: it is one more way through the page
// tables.
std::vector<PageRange> WriteTracker::swapped_in(const PageRange& range) {
  std::vector<PageRange> swapped;
  bool any = false;
  for (PageIndex page = range.first; page < range.end() && !any; page = {(page.value / 64 + 1) * 64})
    any = word_of(page) != 0;
  if (!any || !host_has_swap()) return swapped;
  tracking_.visit_swapped(pages_.bytes_of(range), [&](const WriteTracking::Part& part) {
    swapped.push_back(pages_of({part.first, part.count}, range.first));
  });
  return swapped;
}

// Moves the unsettled pages of `range` to the candidates, but for those that are swapped out: looking at one
// would have the kernel read it, and drop another page for it. They wait until the guest needs them.
void WriteTracker::take_settled(const PageRange& range, std::span<const PageRange> swapped,
                                std::vector<PageRange>& candidates) {
  const auto is_out = [&](PageIndex page) {
    const auto behind = std::upper_bound(swapped.begin(), swapped.end(), page,
                                         [](PageIndex at, const PageRange& out) { return at < out.first; });
    return behind != swapped.begin() && std::prev(behind)->contains(page);
  };
  for (PageIndex page = range.first; page < range.end();) {
    const std::uint64_t word = word_of(page) >> page.value % 64;
    if (word == 0) {
      page = {(page.value / 64 + 1) * 64};
      continue;
    }
    page = page + static_cast<std::uint32_t>(std::countr_zero(word));
    if (page >= range.end()) return;
    // A shared page is looked at in no other way, and may only look swapped out.
    if (states_.is_shared(page) || !is_out(page)) {
      word_of(page) &= ~bit_of(page);
      wire::append_page(candidates, page);
    }
    ++page;
  }
}

void WriteTracker::forget_all() {
  for (const GuestPages::Region& region : pages_.regions()) {
    for (const PageRun& run : pagemap_.populated(region.memory.bytes())) {
      if (run.is(page_is_zero)) continue;
      for (const PageIndex page : pages_of(run, region.pages.first)) {
        // What looks swapped out there may be no memory of anybody's.
        if (run.is(page_is_present) || !states_.is_shared(page)) set_unsettled(page);
      }
    }
  }
}

}  // namespace samepage::dedup
