// SPDX-License-Identifier: Apache-2.0
// The records of one domain: what the daemon knows of every page of its guests and of every frame of its
// store, and of every slot of its part of the paging files (dedup/frame_numbers.hpp), which are frames too.
//
//   pages  word:  state 4 | digest 60                     unshared
//                 state 4 | frame 30 | next sharer 30     waiting, granted, merged, cold, moving
//          prev:  previous sharer 32
//   frames digest 60, state 4; first sharer 32, references 32; who was asked for its bytes 64
//          cold sharers 31, queued 1; twin 32             memory for those that were ever cold
//
// Beside them, for each block of 512 pages, stands the number of its pages that have a record. Blocks without
// records are skipped without a look at their pages, and a user is charged for blocks that were ever used.
//
// A frame's sharers are a doubly linked list through the pages' words: every sharer of a frame is found
// without walking any guest's table, and a page leaves the list in constant time. A page costs 12 bytes, a
// frame 24.
//
// The reference count of a published frame is the length of its list: pages that were told to map it
// (granted) and pages that do (merged). Pages that wait when a frame is published become a second list, from
// which they are taken one by one to be granted. They count as references too.
//
// A content that is on its way from a frame of the store to a slot has both: they are twins until one of them
// goes (evictions.hpp).
//
// The arrays are as long as the numbers of pages and frames reach (growing_mapping.hpp). Only the Ledger
// (ledger.hpp) changes them, together with the index. Pure: no descriptor, no clock. Not for several threads.
//
// Long because the form of the records and each step that may be made with them are to be read together.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/growing_mapping.hpp"
#include "base/types.hpp"
#include "dedup/daemon/account.hpp"
#include "dedup/daemon/extents.hpp"
#include "dedup/daemon/sighting.hpp"
#include "dedup/daemon/turn.hpp"
#include "dedup/digest.hpp"
#include "dedup/frame_numbers.hpp"

namespace samepage::dedup {

/// How far a page has come on its way to sharing a frame.
enum class SharingState : std::uint8_t {
  none,      // the page has no record: nothing is known, or nothing that still holds
  unshared,  // its digest is in the index, alone
  waiting,   // another page has the same digest; a frame is about to be made of one of them
  granted,   // its agent was told to map a frame and has not answered
  merged,    // its agent has mapped the frame
  cold,      // the same, and its guest does not use it, as far as is known
  moving,    // merged, and its agent was told to map the frame's twin instead and has not answered
};

enum class FrameState : std::uint8_t { free, waiting, published };

/// Of a frame that waits for its bytes: the page that was asked for them, and in which round.
struct Donor {
  PageId page;
  std::uint32_t round = 0;
  friend bool operator==(const Donor&, const Donor&) = default;
};

class FrameRefs {
 public:
  static constexpr std::uint32_t max_pages = 1U << 30;
  static constexpr std::uint32_t max_frames = max_store_frames;

  /// No page and no frame. Frames of the store are numbered below `frames`. `account` is charged for frames
  /// and for records of pages.
  explicit FrameRefs(std::uint32_t frames = max_frames, Account* account = nullptr);
  ~FrameRefs();
  FrameRefs(const FrameRefs&) = delete;
  FrameRefs& operator=(const FrameRefs&) = delete;

  /// Makes room for the pages with numbers below `end`. Throws std::system_error, and then nothing has
  /// changed.
  void make_room(std::uint32_t end);
  /// Removes the records of pages of which none is linked. They cost nothing afterwards.
  void forget_pages(PageId first, std::uint32_t pages);
  /// All pages from `end` on have been forgotten: no room is needed for them.
  void give_back_room(std::uint32_t end) noexcept;

  /// Whether the page may have a record. False when the account has no room for more records.
  [[nodiscard]] bool admit(PageId page) {
    return (recorded_[page.value / block] & charged) != 0 || charge_block(page.value / block);
  }
  /// The first page from `page` on, before `end`, that has a record. Stops where the turn ends: then what it
  /// returns may or may not have one.
  [[nodiscard]] PageId next_recorded(PageId page, PageId end, Turn& turn) const;

  [[nodiscard]] SharingState state(PageId page) const {
    return static_cast<SharingState>(words_[page.value] >> state_shift);
  }
  /// Whether the page shares a frame: waits for it, is granted it, or maps it.
  [[nodiscard]] bool is_linked(PageId page) const { return links(state(page)); }
  /// Of an unshared page.
  [[nodiscard]] Digest digest(PageId page) const { return {words_[page.value] & low_60}; }
  /// Of a page that is waiting, granted or merged.
  [[nodiscard]] FrameId frame(PageId page) const {
    return {static_cast<std::uint32_t>(words_[page.value] >> frame_shift & low_30)};
  }
  /// Of an unshared page or of a frame.
  [[nodiscard]] Digest digest(Sighting seen) const {
    return seen.is_frame() ? digest(seen.frame()) : digest(seen.page());
  }

  /// Has the processor fetch what digest() will read.
  void prefetch(Sighting seen) const {
    if (seen.is_frame()) {
      __builtin_prefetch(&record(seen.frame()));
    } else {
      __builtin_prefetch(&words_[seen.page().value]);
    }
  }

  void set_none(PageId page);
  void set_unshared(PageId page, Digest digest);
  /// A sharer of a frame goes on to another state.
  void set_linked(PageId page, SharingState state);

  /// A new frame without sharers, waiting for its bytes; near `wanted` when that is free. Empty when the
  /// store or the account is full.
  std::optional<FrameId> allocate(Digest digest, FrameId wanted);
  /// The same, anywhere: see Extents.
  std::optional<FrameId> allocate_anywhere(Digest digest, const std::function<std::uint64_t()>& random);
  /// The same for a slot of the paging file that `wanted` is in, with an ordinal below `end`.
  std::optional<FrameId> allocate_slot(Digest digest, FrameId wanted, std::uint32_t end);
  /// The pages that wait for it are to be granted it, see next_waiting().
  void publish(FrameId frame);
  /// One of the pages that waited when the frame was published and are still on that list. Empty when there
  /// is none.
  [[nodiscard]] std::optional<PageId> next_waiting(FrameId frame) const;
  /// A frame without sharers goes; its number may be used again.
  void release(FrameId frame);

  /// Sets `count` numbers in a row aside, without frames; the first of them. Empty when there is no such run.
  std::optional<FrameId> reserve(std::uint32_t count);
  /// Gives back what reserve() returned; none of the numbers is a frame any more.
  void unreserve(FrameId first, std::uint32_t count);
  /// A frame with a reserved number, waiting for its bytes. False when the account is full.
  [[nodiscard]] bool allocate_reserved(FrameId frame, Digest digest);
  /// A frame without sharers goes; its number stays reserved.
  void release_reserved(FrameId frame);

  [[nodiscard]] FrameState state(FrameId frame) const {
    return static_cast<FrameState>(record(frame).word >> state_shift);
  }
  [[nodiscard]] Digest digest(FrameId frame) const { return {record(frame).word & low_60}; }
  [[nodiscard]] std::uint32_t references(FrameId frame) const { return record(frame).references; }
  /// Of a frame that is waiting, once it was set.
  [[nodiscard]] Donor donor(FrameId frame) const { return donor_of(frame); }
  void set_donor(FrameId frame, Donor donor) { donor_of(frame) = donor; }

  /// Of its sharers, those that are cold or moving.
  [[nodiscard]] std::uint32_t cold(FrameId frame) const { return leaving_of(frame).cold; }
  /// Of a frame the slot that its content goes to, or has gone to; of that slot the frame.
  [[nodiscard]] std::optional<FrameId> twin(FrameId frame) const {
    const std::uint32_t twin = leaving_of(frame).twin;
    return twin == 0 ? std::nullopt : std::optional(FrameId{twin - 1});
  }
  void set_twins(FrameId frame, FrameId slot);
  void part_twins(FrameId frame);
  /// A mark of whoever has frames in a queue. It stays when the frame goes and its number is used again.
  [[nodiscard]] bool queued(FrameId frame) const { return leaving_of(frame).queued != 0; }
  void set_queued(FrameId frame, bool queued) { leaving_of(frame).queued = queued ? 1 : 0; }

  /// The page becomes a sharer of the frame, waiting or granted.
  void link(PageId page, FrameId frame, SharingState state);
  /// The page is not a sharer any more and has no record. Returns the references that are left.
  std::uint32_t unlink(PageId page);

  /// Calls `visit(PageId)` for each sharer but those of next_waiting(). `visit` may unlink the page that it
  /// is given.
  template <typename Visit>
  void for_each_sharer(FrameId frame, Visit visit) const {
    for (std::uint32_t page = record(frame).head; page != no_page;) {
      const std::uint32_t next = next_of(page);
      visit(PageId{page});
      page = next;
    }
  }

  /// Frames of the store that are waiting or published.
  [[nodiscard]] std::uint32_t frames_in_use() const { return frames_in_use_; }
  /// The same of slots.
  [[nodiscard]] std::uint32_t slots_in_use() const { return slots_in_use_; }
  /// Every frame of the store that is in use is numbered below.
  [[nodiscard]] std::uint32_t frames_end() const { return frame_numbers_.end(); }
  /// Two of the sharers, or fewer if there are fewer: without a walk.
  [[nodiscard]] std::pair<std::optional<PageId>, std::optional<PageId>> two_sharers(FrameId frame) const;
  /// The first run of free numbers that ends behind `from`, as (first, count). Empty when there is none below
  /// frames_end().
  [[nodiscard]] std::optional<std::pair<std::uint32_t, std::uint32_t>> free_run(std::uint32_t from) const {
    return frame_numbers_.free_run(from);
  }
  /// Bytes of memory that the records take.
  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  struct Frame {
    std::uint64_t word = 0;  // state 4 | digest 60
    std::uint32_t head = 0;
    std::uint32_t references = 0;
  };
  static constexpr std::uint32_t no_page = (1U << 30) - 1;
  static constexpr unsigned state_shift = 60;
  static constexpr unsigned frame_shift = 30;
  static constexpr std::uint64_t low_30 = (std::uint64_t{1} << 30) - 1;
  static constexpr std::uint64_t low_60 = (std::uint64_t{1} << 60) - 1;
  static_assert(Digest::bits == 60);
  // Of pages. A block's words are a page of memory.
  static constexpr std::uint32_t block = 512;
  // For each block: the number of its pages that have a record, and whether it was ever charged for.
  static constexpr std::uint16_t charged = 1U << 15;
  // Of frames that go out.
  struct Leaving {
    std::uint32_t cold : 31 = 0;  // its sharers that are cold or moving
    std::uint32_t queued : 1 = 0;
    std::uint32_t twin = 0;  // its number and one; 0: none
  };
  // Two words for the record, and the page's place in the index.
  static constexpr std::uint64_t block_bytes =
      block * (sizeof(std::uint64_t) + 2 * sizeof(std::uint32_t) + sizeof(std::uint32_t));
  static constexpr std::uint64_t frame_bytes =
      page_size + sizeof(Frame) + sizeof(Donor) + sizeof(Leaving) + sizeof(std::uint32_t);

  static constexpr std::uint64_t slot_bytes = frame_bytes - page_size;

  // Of the slots in one paging file.
  struct Slots {
    Extents numbers{max_slots};
    GrowingArray<Frame> frames;
    GrowingArray<Donor> donors;
    GrowingArray<Leaving> leaving;
  };
  [[nodiscard]] Frame& record(FrameId frame) const {
    return is_slot(frame) ? slots_[paging_file_of(frame)].frames[ordinal_of(frame)] : frames_[frame.value];
  }
  [[nodiscard]] Donor& donor_of(FrameId frame) const {
    return is_slot(frame) ? slots_[paging_file_of(frame)].donors[ordinal_of(frame)] : donors_[frame.value];
  }
  [[nodiscard]] Leaving& leaving_of(FrameId frame) const {
    return is_slot(frame) ? slots_[paging_file_of(frame)].leaving[ordinal_of(frame)] : leaving_[frame.value];
  }
  static constexpr std::uint64_t charge_of(FrameId frame) {
    return is_slot(frame) ? slot_bytes : frame_bytes;
  }

  template <typename State>
  static constexpr std::uint64_t with_state(State state, std::uint64_t payload) {
    return static_cast<std::uint64_t>(state) << state_shift | payload;
  }
  static constexpr bool links(SharingState state) {
    return state != SharingState::none && state != SharingState::unshared;
  }
  static constexpr bool is_cold(SharingState state) {
    return state == SharingState::cold || state == SharingState::moving;
  }
  [[nodiscard]] bool charge_block(std::uint32_t at);
  void forget_block(std::size_t at) noexcept;
  std::optional<FrameId> make_frame(std::optional<std::uint32_t> number, Digest digest);
  [[nodiscard]] bool make_frame_records(std::uint32_t first, std::uint32_t count);
  void set_word(std::uint32_t page, std::uint64_t value);
  [[nodiscard]] std::uint32_t next_of(std::uint32_t page) const;
  void set_next(std::uint32_t page, std::uint32_t next);

  GrowingArray<std::uint64_t> words_;
  GrowingArray<std::uint32_t> previous_;
  GrowingArray<std::uint16_t> recorded_;  // a block each
  std::uint32_t charged_blocks_ = 0;
  GrowingArray<Frame> frames_;
  GrowingArray<Donor> donors_;
  GrowingArray<Leaving> leaving_;
  std::uint32_t frames_in_use_ = 0;
  std::uint32_t slots_in_use_ = 0;
  Extents frame_numbers_;
  std::array<Slots, max_paging_files> slots_;
  std::unordered_map<std::uint32_t, std::uint32_t> waiting_;  // frame -> head of the list of next_waiting()
  Account unlimited_;
  Account* account_;
};

}  // namespace samepage::dedup
