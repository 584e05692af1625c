// SPDX-License-Identifier: Apache-2.0
// Long because every order about many pages leaves the same behind: tracker, budget and states as the memory
// is now.
#include "dedup/agent/bulk_remapper.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file_figures.hpp"
#include "base/read_ahead.hpp"
#include "dedup/agent/grants.hpp"
#include "dedup/agent/guest_mappings.hpp"
#include "dedup/agent/page_spans.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

using State = PageStates::State;

// Of a run, between two looks at the clock while a guest is held.
constexpr std::uint32_t piece_pages = 64;
static_assert(piece_pages <= FrameCopies::most_at_once.value);
constexpr std::uint32_t zero_piece_pages = 256;
constexpr std::uint32_t discarded_piece_pages = 512;

void append(std::vector<PageRange>& list, const std::vector<PageRange>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

BulkRemapper::BulkRemapper(const GuestPages& pages, PageStates& states, Tracker& tracker,
                           WriteBarrier& barrier, MappingBudget& budget, MappingShortage& shortage)
    : pages_(pages),
      states_(states),
      tracker_(tracker),
      budget_(budget),
      shortage_(shortage),
      barrier_(barrier),
      remapper_(pages, states),
      holds_(barrier, [this](const PausedGuest& held) { remapper_.keep_from_children(held); }) {}

// Those that there are no mappings for.
std::vector<wire::Grant> BulkRemapper::split_off_excess(std::vector<wire::Grant>& pieces) {
  if (shortage_.closed()) return std::exchange(pieces, {});
  std::vector<wire::Grant> excess = budget_.split_off_excess(pieces);
  if (!excess.empty()) shortage_.out_of_budget();
  return excess;
}

BulkRemapper::Merging BulkRemapper::merge(const FrameFiles& files, std::vector<wire::Grant> grants) {
  std::vector<wire::Grant> pieces = arranged(
      std::move(grants), piece_pages, [&](PageIndex page) { return pages_.region_of(page).pages.end(); });
  const std::vector<wire::Grant> excess = split_off_excess(pieces);
  Merging merging;
  std::vector<PageIndex> moves;
  for (const wire::Grant& piece : pieces) {
    if (!is_slot(piece.frame)) continue;
    for (const PageIndex page : piece.pages()) {
      if (states_.is_in_store(page)) moves.push_back(page);
    }
  }
  std::uint64_t mappings = 0;
  std::vector<PageRange> waiting;
  std::size_t done = 0;
  while (done < pieces.size() && !remapper_.was_refused()) {
    const std::vector<MergeCandidate> candidates = copies_.read(files, std::span(pieces).subspan(done));
    fault_point("frames-read");
    holds_.work_off(candidates, [&](const PausedGuest& held, const MergeCandidate& candidate) {
      // What the kernel has refused once it would refuse again: the guest is not held for that.
      if (remapper_.was_refused()) return waiting.push_back(candidate.grant.pages());
      mappings += remapper_.merge(held, files, candidate, merging.merged);
    });
    done += candidates.size();
  }
  for (; done < pieces.size(); ++done) waiting.push_back(pieces[done].pages());
  if (mappings > 0) shortage_.mapped();
  if (const Remapper::Refusal refusal = remapper_.take_refusal(); refusal.error != 0) {
    append(waiting, refusal.pages);
    shortage_.refused(refusal.error);
  }
  // What was compared is in the page cache and among the copies, and is to be out of memory.
  bool goes_out = false;
  for (const wire::Grant& piece : pieces) {
    if (!is_slot(piece.frame)) continue;
    goes_out = true;
    ::posix_fadvise(files.file_of(piece.frame), static_cast<off_t>(offset_in_file(piece.frame)),
                    static_cast<off_t>(PageCount{piece.count}.bytes()), POSIX_FADV_DONTNEED);
  }
  if (goes_out) copies_.forget();
  // Neighbouring pages are one range for the daemon, and a mapping each where their frames are no neighbours.
  if (mappings > 0) note_replaced(2 * mappings);
  for (const PageRange& range : merging.merged.refused) {
    merging.failed += range.count;
    // Offered again when they have been quiet once more.
    for (const PageIndex page : range) {
      if (states_.stands_offered(page)) states_.withdrawn(page);
      if (!states_.is(page, State::merged)) tracker_.forget(page);
    }
  }
  merging.moves_granted = moves.size();
  for (const PageIndex page : moves) merging.moved += states_.is_paged(page) ? 1U : 0U;
  for (const wire::Grant& piece : excess) {
    merging.moves_granted += states_.count_in(piece.pages(), State::merged);
    have_wait(piece.pages(), merging);
  }
  for (const PageRange& range : waiting) have_wait(range, merging);
  return merging;
}

// For a mapping.
void BulkRemapper::have_wait(const PageRange& range, Merging& merging) {
  states_.unaffordable(range);
  merging.merged.refused.push_back(range);
}

wire::Merged BulkRemapper::place(const FrameFiles& files, ImagePages& image,
                                 std::vector<wire::Grant> grants) {
  wire::Merged merged;
  for (const wire::Grant& grant : split_off_excess(grants)) {
    states_.unaffordable(grant.pages());
    merged.refused.push_back(grant.pages());
  }
  if (grants.empty()) return merged;
  {
    const PausedGuest held(barrier_);
    for (const wire::Grant& grant : grants) {
      const ImagePages::Run& run = *image.run_of(grant.page);
      const std::span bytes(ImagePages::bytes_of(run, grant.page), PageCount{grant.count}.bytes());
      remapper_.place(held, files, grant, bytes, merged);
      for (const PageIndex page : grant.pages()) image.state(run, page) = ImagePages::State::placed;
    }
    remapper_.keep_from_children(held);
  }
  note_replaced(2 * grants.size());
  return merged;
}

std::uint64_t BulkRemapper::give_back(std::span<const PageRange> ranges) {
  std::vector<PageRange> pieces = pages_.pieces_of(ranges, zero_piece_pages);
  const std::uint64_t spent = drop_unaffordable(pieces);
  std::uint64_t given = 0, replaced = 0;
  holds_.work_off(pieces, [&](const PausedGuest& held, const PageRange& piece) {
    const Remapper::Given some = remapper_.give_back(held, piece);
    given += some.pages;
    replaced += some.replaced;
  });
  // A page among them that only looked like zero has cut a run in two.
  if (spent > 0) note_replaced(std::max(2 * replaced, spent) - spent);
  return given;
}

BulkRemapper::Lost BulkRemapper::discard(const PageRange& range) {
  // Pieces of pages of one kind: what is mapped from a store is replaced, the rest only loses its memory.
  std::vector<PageRange> pieces;
  for (PageIndex first = range.first; first < range.end();) {
    PageIndex end = first + 1;
    while (end < range.end() && end - first < discarded_piece_pages &&
           states_.on_file(end) == states_.on_file(first)) {
      ++end;
    }
    pieces.push_back(pages_between(first, end));
    first = end;
  }
  const bool replaces = drop_unaffordable(pieces) > 0;
  Lost lost;
  holds_.work_off(pieces, [&](const PausedGuest& held, const PageRange& piece) {
    const auto broken = states_.parts_in(piece, State::merged);
    std::vector<PageRange> withdrawn;
    for (const PageIndex page : piece) {
      if (states_.stands_offered(page)) wire::append_page(withdrawn, page);
    }
    if (!remapper_.discard(held, piece)) return;  // the guest keeps its pages: nothing is wrong
    append(lost.broken, broken);
    append(lost.withdrawn, withdrawn);
    for (const PageIndex page : piece) tracker_.dropped(page);
  });
  if (replaces) note_replaced(0);
  return lost;
}

std::vector<PageRange> BulkRemapper::back(const Backing& backing) {
  std::vector<PageRange> withdrawn, mapped;
  // A run that somebody has written in the middle of since is two.
  const std::uint64_t mappings = 2 * backing.runs.size();
  if (backing.runs.empty() || !budget_.affords(mappings)) return withdrawn;
  std::vector<BackedRun> pieces;
  for (const BackedRun& run : backing.runs) {
    for (const PageRange& piece : pages_.pieces_of(std::span(&run.pages, 1), piece_pages)) {
      pieces.push_back({piece, run.offset_of(piece.first), run.file});
    }
  }
  for (std::size_t done = 0; done < pieces.size();) {
    const std::vector<BackingCandidate> candidates = copies_.read(std::span(pieces).subspan(done));
    holds_.work_off(candidates, [&](const PausedGuest& held, const BackingCandidate& candidate) {
      for (const PageIndex page : candidate.run.pages) {
        if (!states_.stands_offered(page)) continue;
        states_.withdrawn(page);
        wire::append_page(withdrawn, page);
      }
      remapper_.back(held, candidate, mapped);
    });
    done += candidates.size();
  }
  for (const PageRange& run : mapped) {
    for (const PageIndex page : run) tracker_.dropped(page);
  }
  // What was withdrawn and could not be backed is to be offered again.
  for (const PageRange& range : withdrawn) {
    for (const PageIndex page : range) {
      if (!states_.is(page, State::backed)) tracker_.forget(page);
    }
  }
  note_replaced(mappings);
  return withdrawn;
}

void BulkRemapper::map_again(int store, std::span<const PageRange> ranges, const Pagemap& pagemap) {
  if (ranges.empty()) return;
  const FileFigures file = figures_of_file(store);
  std::vector<BackedRun> runs;
  auto range = ranges.begin();
  for (const FileMapping& mapping : mappings_of(pages_).of_files) {
    if (mapping.inode != file.inode || mapping.device != file.device) continue;
    while (range != ranges.end() && range->end() <= mapping.pages.first) ++range;
    for (auto at = range; at != ranges.end() && at->first < mapping.pages.end(); ++at) {
      const PageRange both =
          pages_between(std::max(at->first, mapping.pages.first), std::min(at->end(), mapping.pages.end()));
      for (const PageRange& piece : pages_.pieces_of(std::span(&both, 1), piece_pages)) {
        runs.push_back({piece, mapping.offset + PageCount{piece.first - mapping.pages.first}.bytes(), store});
      }
    }
  }
  while (!runs.empty() && !budget_.affords(2 * runs.size())) runs.resize(runs.size() / 2);
  if (runs.empty()) return;
  std::uint64_t mappings = 0;
  holds_.work_off(runs, [&](const PausedGuest& held, const BackedRun& run) {
    mappings += remapper_.map_again(held, pagemap, run);
  });
  note_replaced(2 * mappings);
}

std::uint64_t BulkRemapper::put_back(const Backing& backing, std::span<const PageRange> mapped,
                                     const Pagemap& pagemap, Lost& lost) {
  append(lost.broken, states_.all_in(State::merged));
  for (const State offered : {State::offered, State::unaffordable})
    append(lost.withdrawn, states_.all_in(offered));
  wire::sort_by_page(lost.withdrawn);
  std::uint64_t own = 0;
  const PausedGuest held(barrier_);
  for (const PageSpan& span : spans_of(pages_, backing.runs, mapped)) {
    own += remapper_.put_back(held, pagemap, span.pages, span.run, span.mapped,
                              [this](const PageRange& changed) {
                                for (const PageIndex page : changed) tracker_.dropped(page);
                              });
  }
  remapper_.keep_from_children(held);
  note_replaced(0);
  return own;
}

// The guest is not held for a disk: what is in a paging file or in the host's swap is read before.
bool BulkRemapper::read_in(const PageRange& range) const {
  const std::span<std::byte> memory = pages_.bytes_of(range);
  read_ahead(memory);
  return ::madvise(memory.data(), memory.size(), MADV_POPULATE_READ) == 0 ||
         (errno != EFAULT && errno != EHWPOISON);  // else the kernel is too old for it
}

std::vector<PageRange> BulkRemapper::unmerge(std::span<const PageRange> ranges) {
  std::vector<PageRange> broken;
  if (ranges.empty()) return broken;
  std::vector<PageRange> pieces = pages_.pieces_of(ranges, piece_pages);
  std::erase_if(pieces, [this](const PageRange& piece) { return !read_in(piece); });
  holds_.work_off(pieces, [&](const PausedGuest& held, const PageRange& piece) {
    const auto merged = states_.parts_in(piece, State::merged);  // references, if it comes to that
    const auto track = [&](std::span<const std::byte> mapping) { tracker_.track(mapping); };
    if (!remapper_.unmerge(held, piece, track)) return;
    append(broken, merged);
    for (const PageIndex page : piece) tracker_.forget(page);
  });
  note_replaced(0);
  return broken;
}

std::uint64_t BulkRemapper::drop_unaffordable(std::vector<PageRange>& pieces) {
  return budget_.drop_unaffordable(pieces, [this](const PageRange& piece) {
    std::uint64_t runs = 0;
    bool before = false;
    for (const PageIndex page : piece) {
      const bool on_store = states_.on_file(page);
      if (on_store && !before) ++runs;
      before = on_store;
    }
    return runs;
  });
}

void BulkRemapper::note_replaced(std::uint64_t mappings) {
  budget_.spend(mappings);
  tracker_.mappings_replaced();
}

}  // namespace samepage::dedup
