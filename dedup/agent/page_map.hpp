// SPDX-License-Identifier: Apache-2.0
// A guest's memory as it is at this moment: which pages are shared frames, which are its own, which cost
// nothing. Derived from the kernel's page tables and mappings, not from what the agent believes, so it can
// check that.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/types.hpp"
#include "dedup/agent/memory_region.hpp"

namespace samepage::dedup {

enum class PageState : std::uint8_t {
  untouched,  // never written: no memory behind it
  zero,       // was written, found all zero and given back: no memory behind it
  own,        // memory of this guest alone
  swapped,    // the same, swapped out by the host's kernel
  frame,      // mapped from the domain's frame store, read-only until the guest writes
  backed,     // the same of the file that the guest was restored or forked from
  paged,      // out: in a paging file, and not in memory
  paged_in,   // in a paging file, and in memory too because the guest read it
};

/// Consecutive pages of one state; frames are consecutive too.
struct PageMapRun {
  GfnRange range;
  PageState state = PageState::untouched;
  FrameId first_frame;  // of state frame only
};

/// Sums over a page map, in bytes; private, shared, zero and untouched add up to ram_bytes.
struct MemoryFigures {
  std::uint64_t ram_bytes = 0;
  std::uint64_t private_bytes = 0;  // swapped_bytes among them
  std::uint64_t shared_bytes = 0;   // backed_bytes and paged_bytes among them
  std::uint64_t backed_bytes = 0;
  std::uint64_t paged_bytes = 0;     // in paging files
  std::uint64_t paged_in_bytes = 0;  // of these, in memory too
  std::uint64_t zero_bytes = 0;
  std::uint64_t untouched_bytes = 0;
  std::uint64_t swapped_bytes = 0;  // of the guest's own memory, in the host's swap
  std::uint64_t vmas = 0;           // mappings that the guest's RAM is made of
};

/// What an agent knows of a page that its page table entry does not always tell.
struct KnownPage {
  bool given_back = false;  // it was written once, then given back, and not seen written since
  bool merged = false;      // mapped to a frame, and not seen written since
  bool backed = false;      // a page of the file that the guest goes on from, and not seen written since
  bool paged = false;       // merged, with a slot of a paging file
  /// Whether a page that was written is never said to be merged or backed once it was write-protected again:
  /// an agent sees that. Without one a page that looks swapped out may have been written.
  bool writes_are_seen = true;
  /// How many pages from this one on are known to be the same. Whoever has not looked says one.
  PageCount pages{1};
};

/// The page map of memory of this process. `known` tells of a page that has no memory, or looks swapped out,
/// what the agent knows of it; may be empty where there is no agent. Any thread; the guest may run.
std::vector<PageMapRun> page_map(std::span<const MemoryRegion> regions,
                                 const std::function<KnownPage(Gfn)>& known);

/// Sums the runs of a page map; vmas are counted from /proc/self/maps.
MemoryFigures figures_of(std::span<const MemoryRegion> regions, std::span<const PageMapRun> map);

}  // namespace samepage::dedup
