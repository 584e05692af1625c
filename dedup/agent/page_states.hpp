// SPDX-License-Identifier: Apache-2.0
// What the agent knows of each page of a guest. The functions named for events are the only way to change it.
// They keep the counts, and end the process at a step that can't be: a guest never runs on what we only
// believe of its memory.
//
//   untouched ──seen──► own ──offered──► offered ──merged────────► merged      (discarded ──seen──► own)
//                        ▲                 │ └─unaffordable─► unaffordable   │
//                        ├────withdrawn────┴─────withdrawn────────┘          │
//                        ├────written, unmerged, left_behind─────────────────┘
//                        └────written──── zero ◄──given_back── all but merged
//   all but untouched ──discarded──► discarded
//   untouched, own, discarded, backed ──backed──► backed ──written──► own
//   all ──put_back──► backed; all ──begun_anew──► untouched
//
// A merged page whose frame is a slot of a paging file is paged; left_behind, it becomes backed. A page that
// is merged with a frame of the store may be merged once more, with a slot.
//
// `offered` comes to untouched and discarded pages too (an image that is being loaded), and `merged` to all
// but merged ones: a grant may be late, and the bytes decide.
//
// Beside its state a page may lie in a mapping of a file (a frame store, or what the guest is backed by),
// whether it is the file's page or was written since: such a page is never dropped with MADV_DONTNEED, the
// frame below may be another one by now.
//
// A byte a page: a bit is left for further states. The agent's thread changes it. Any thread may read
// a page's state; counts are the agent's own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "dedup/agent/page_map.hpp"

namespace samepage::dedup {

class PageStates {
 public:
  enum class State : std::uint8_t {
    untouched,     // never seen with memory
    own,           // known, and shared with nobody that a daemon counts
    offered,       // its digest is at the daemon
    unaffordable,  // a frame was granted, but the process can't have another mapping; the digest may be there
    merged,        // mapped to a frame that the daemon counts, and not seen written since
    zero,          // all zero, given back, and not seen written since
    discarded,     // the guest gave it up, and was not seen to use it since
    backed,        // a page of a file that the guest goes on from, and not seen written since (backing.hpp)
  };

  /// All of `pages` pages are untouched.
  explicit PageStates(std::uint32_t pages);

  [[nodiscard]] State of(PageIndex page) const { return static_cast<State>(load(page) & state_mask); }
  [[nodiscard]] bool is(PageIndex page, State state) const { return of(page) == state; }
  /// The daemon has its digest, as far as we know.
  [[nodiscard]] bool stands_offered(PageIndex page) const {
    return is(page, State::offered) || is(page, State::unaffordable);
  }
  /// Without memory of its own, as far as we know: a look that finds some has found a write.
  [[nodiscard]] bool is_shared(PageIndex page) const {
    return is(page, State::merged) || is(page, State::zero) || is(page, State::backed);
  }
  /// Of a merged page: its frame is a slot of a paging file.
  [[nodiscard]] bool is_paged(PageIndex page) const { return (load(page) & paged_bit) != 0; }
  /// Pages of which that is so.
  [[nodiscard]] std::uint64_t paged_count() const { return paged_; }
  /// All of them, in ascending order.
  [[nodiscard]] std::vector<PageRange> all_paged() const;
  /// All pages that are merged with frames of the store, in ascending order.
  [[nodiscard]] std::vector<PageRange> all_in_store() const;
  /// Whether it is one.
  [[nodiscard]] bool is_in_store(PageIndex page) const { return is(page, State::merged) && !is_paged(page); }
  /// Of a paged page: it was in memory too when that was looked at last.
  [[nodiscard]] bool is_resident(PageIndex page) const { return (load(page) & resident_bit) != 0; }
  [[nodiscard]] bool on_file(PageIndex page) const { return (load(page) & file_bit) != 0; }
  [[nodiscard]] std::uint64_t count(State state) const { return counts_[static_cast<std::size_t>(state)]; }
  /// Pages of `range` in that state.
  [[nodiscard]] std::uint32_t count_in(const PageRange& range, State state) const;
  /// Whether all pages of `range` are in that state, and lie in a mapping of a file or not. As fast as
  /// memory.
  [[nodiscard]] bool all_are(const PageRange& range, State state, bool on_file) const;
  /// All pages in that state, in ascending order.
  [[nodiscard]] std::vector<PageRange> all_in(State state) const;
  /// The pages of `range` in that state, in ascending order.
  [[nodiscard]] std::vector<PageRange> parts_in(const PageRange& range, State state) const;

  /// The page has memory, or had some that is swapped out.
  void seen(PageIndex page);
  /// Its digest goes to the daemon.
  void offered(PageIndex page);
  /// Its digest does not stand any more, or leads to nothing.
  void withdrawn(PageIndex page);
  /// A frame was granted and there is no mapping to be had for it. Pages that were not offered stay.
  void unaffordable(const PageRange& range);
  /// A frame of the store is mapped there, or a slot of a paging file.
  enum class FrameIn : std::uint8_t { store, paging_file };
  void merged(const PageRange& range, FrameIn where = FrameIn::store);
  /// A paged page is in memory too, because the guest has read it; or it is not any more.
  void resident(PageIndex page, bool is);
  /// The guest has written a page that is_shared().
  void written(PageIndex page);
  /// A merged page's daemon is lost for good: nobody counts the reference any more. Nobody writes its paging
  /// files any more either: what lies there stays as it is.
  void left_behind(PageIndex page);
  /// Memory of its own was put there in place of a mapping of a store; the bytes are the same.
  void unmerged(const PageRange& range);
  /// All zero, and without memory from now on.
  void given_back(const PageRange& range);
  /// A page of the file that the guest is backed by is mapped there, with the same bytes.
  void backed(const PageRange& range);
  /// The guest goes back to where it began: the page is its file's again, whatever it was meanwhile.
  void put_back(const PageRange& range);
  /// The same for a page that had no memory then.
  void begun_anew(const PageRange& range);
  /// The guest does not need it: without memory from now on.
  void discarded(const PageRange& range);

  /// What page_map() asks. Any thread.
  [[nodiscard]] KnownPage known(PageIndex page) const {
    return {is(page, State::zero), is(page, State::merged), is(page, State::backed), is_paged(page)};
  }
  /// The same of the first page of `range`, and how many pages from it on are in the same state, within
  /// `range`.
  [[nodiscard]] KnownPage known_from(const PageRange& range) const;
  /// The memory that holds the states: a byte a page, committed where the guest's memory is.
  [[nodiscard]] std::span<const std::byte> metadata() const { return bytes_.bytes(); }

 private:
  static constexpr std::uint8_t state_mask = 0x0f;
  static constexpr std::uint8_t file_bit = 0x10;
  static constexpr std::uint8_t paged_bit = 0x20;
  static constexpr std::uint8_t resident_bit = 0x40;
  static constexpr std::size_t state_count = 8;

  // SAFETY: the mapping is zeroed, a byte a page, and only ever used through these atomic references.
  [[nodiscard]] std::atomic_ref<std::uint8_t> byte_of(PageIndex page) const {
    return std::atomic_ref<std::uint8_t>(*reinterpret_cast<std::uint8_t*>(bytes_.data() + page.value));
  }
  [[nodiscard]] std::uint8_t load(PageIndex page) const {
    return byte_of(page).load(std::memory_order_relaxed);
  }
  void become(PageIndex page, State state, bool on_file, bool paged = false);

  Mapping bytes_;
  std::uint32_t pages_;
  std::array<std::uint64_t, state_count> counts_{};
  std::uint64_t paged_ = 0;
};

}  // namespace samepage::dedup
