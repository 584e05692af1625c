// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/write_tracker.hpp"

#include <algorithm>
#include <bit>

#include "base/process_memory.hpp"
#include "dedup/agent/rehash_tracker.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t untracked_pages = 64;  // at most, that are looked at without tracking beside others

}  // namespace

WriteTracker::WriteTracker(const GuestPages& pages, const Pagemap& pagemap, WriteTracking tracking)
    : pages_(pages),
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

Tracker::Changes WriteTracker::look(const GuestPages::Region& region, std::uint32_t first,
                                    std::uint32_t count, const Sweep& sweep) {
  if (untracked_mappings_) {
    track_all();
    untracked_mappings_ = false;
  }
  Changes changes;
  const std::uint32_t end = first + count;
  for (std::uint32_t from = first; from < end;) {
    // As many ranges as possible at once: each scan is a call.
    std::uint32_t to = from;
    const auto end_of_range = [&] { return std::min(end, (to / Heat::range_pages + 1) * Heat::range_pages); };
    while (to < end && heat_.due(Heat::range_of(to))) to = end_of_range();
    if (to > from) look_at(region, from, to, sweep, changes);
    // The range at `to` was not due, if there is one.
    from = to < end ? end_of_range() : end;
  }
  return changes;
}

void WriteTracker::look_at(const GuestPages::Region& region, std::uint32_t first, std::uint32_t end,
                           const Sweep& sweep, Changes& changes) {
  const std::size_t first_run = changes.populated.size();
  const auto written = tracking_.written(region.bytes_of(first, end - first));
  if (!written) {
    // Some of it is not tracked. The rest of it is found by halves.
    if (end - first <= untracked_pages) return look_at_untracked(region, first, end, changes);
    const std::uint32_t middle = first + (end - first) / 2;
    look_at(region, first, middle, sweep, changes);
    return look_at(region, middle, end, sweep, changes);
  }
  std::vector<wire::PageRange> ranges;
  for (const WriteTracking::Part& part : *written)
    ranges.push_back(
        {first + static_cast<std::uint32_t>(part.first), static_cast<std::uint32_t>(part.count)});
  if (!ranges.empty()) sweep(ranges);
  std::uint32_t settled_to = first;
  // Protecting invalidates a hypervisor's second-level tables for all of the range that is asked for, written
  // or not: only where something was written the guest has to fault its pages in again.
  for (const wire::PageRange& range : ranges) {
    const bool taken =
        tracking_.take_written(region.bytes_of(range.page, range.count), files_in(range), [&](PageRun run) {
          run.first += range.page;
          // Before the page joins the unsettled ones: what was unsettled and is not written again has
          // settled.
          take_settled(settled_to, static_cast<std::uint32_t>(run.first), changes.candidates);
          settled_to = static_cast<std::uint32_t>(run.first + run.count);
          changes.populated.push_back(run);
          if (run.is(page_is_zero)) return;
          for (std::size_t i = 0; i < run.count; ++i)
            set_unsettled(static_cast<std::uint32_t>(run.first + i));
        });
    // Some may have been taken without our being told of them.
    if (!taken) look_at_untracked(region, range.page, range.page + range.count, changes);
  }
  take_settled(settled_to, end, changes.candidates);
  note_heat(first, end, changes, first_run);
}

// The page tables show that a page which was merged or given back has memory of the guest's own: that must be
// known, for the daemon keeps a frame for it. Nothing shows when such memory is written again.
void WriteTracker::look_at_untracked(const GuestPages::Region& region, std::uint32_t first, std::uint32_t end,
                                     Changes& changes) {
  for (const PageRun& run : pagemap_.populated(region.bytes_of(first, end - first))) {
    if (!run.is_own()) continue;
    for (std::size_t i = 0; i < run.count; ++i) {
      const auto page = first + static_cast<std::uint32_t>(run.first + i);
      set_unsettled(page);
      if (pages_.has(page, GuestPages::merged | GuestPages::zero)) {
        changes.populated.push_back({page, 1, run.categories});
      }
    }
  }
}

// Only where a store is mapped a page may be a file's.
Pagemap::Files WriteTracker::files_in(const wire::PageRange& range) const {
  for (std::uint32_t i = 0; i < range.count; ++i) {
    if (pages_.has(range.page + i, GuestPages::on_store)) return Pagemap::Files::possible;
  }
  return Pagemap::Files::none;
}

// A range is as hot as it has pages of the guest's own among the written ones. A mapping that has just come
// looks written too, but is a file's.
void WriteTracker::note_heat(std::uint32_t first, std::uint32_t end, const Changes& changes,
                             std::size_t first_run) {
  auto run = changes.populated.begin() + static_cast<std::ptrdiff_t>(first_run);
  std::size_t done = 0;  // pages of the run
  for (std::uint32_t page = first; page < end;) {
    const std::uint32_t range = Heat::range_of(page);
    page = std::min(end, (range + 1) * Heat::range_pages);
    std::uint32_t written = 0;
    while (run != changes.populated.end() && run->first + done < page) {
      const std::size_t upto = std::min<std::size_t>(run->first + run->count, page);
      if (run->is_private()) written += static_cast<std::uint32_t>(upto - (run->first + done));
      done = upto - run->first;
      if (done < run->count) break;
      ++run;
      done = 0;
    }
    heat_.looked(range, written);
  }
}

// Moves the unsettled pages of [first, end) to the candidates.
void WriteTracker::take_settled(std::uint32_t first, std::uint32_t end,
                                std::vector<wire::PageRange>& candidates) {
  for (std::uint32_t page = first; page < end;) {
    const std::uint64_t word = unsettled(page) >> page % 64;
    if (word == 0) {
      page = (page / 64 + 1) * 64;
      continue;
    }
    page += static_cast<std::uint32_t>(std::countr_zero(word));
    if (page >= end) return;
    unsettled(page) &= ~(std::uint64_t{1} << page % 64);
    wire::append_page(candidates, page);
    ++page;
  }
}

void WriteTracker::forget_all() {
  for (const GuestPages::Region& region : pages_.regions()) {
    for (const PageRun& run : pagemap_.populated(region.memory.bytes())) {
      if (run.is(page_is_zero) || !run.is(page_is_present)) continue;
      for (std::size_t i = 0; i < run.count; ++i) {
        set_unsettled(region.first_page + static_cast<std::uint32_t>(run.first + i));
      }
    }
  }
}

std::unique_ptr<Tracker> make_tracker(TrackerKind kind, const GuestPages& pages, const Pagemap& pagemap) {
  if (kind == TrackerKind::best && pagemap.sees_zero_page()) {
    if (auto tracking = WriteTracking::probe()) {
      // Not every memory can be tracked (huge pages of hugetlbfs, files of some file systems).
      const auto& regions = pages.regions();
      const bool all = std::all_of(regions.begin(), regions.end(),
                                   [&](const auto& region) { return tracking->add(region.memory.bytes()); });
      if (all) return std::make_unique<WriteTracker>(pages, pagemap, std::move(*tracking));
    }
  }
  return std::make_unique<RehashTracker>(pages, pagemap);
}

std::string_view name_of(Tracker::Evidence evidence) {
  return evidence == Tracker::Evidence::writes ? "write-protection" : "rehash";
}

}  // namespace samepage::dedup
