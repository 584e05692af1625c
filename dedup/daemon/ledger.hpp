// SPDX-License-Identifier: Apache-2.0
// What is known of the pages and frames of one domain: the records (frame_refs.hpp) and the index from
// digests to them (digest_index.hpp). The two only make sense together, so the Ledger owns both, and each of
// its verbs is a whole step. Before and after every verb:
//
//   * the index has one entry for each content that is known, and no other: the unshared page that has it, or
//     one of the frames that have it. A frame that waits apart is not known before it is published;
//   * the counts tell the states of all pages and frames.
//
// A page's states, and the verbs that lead from one to the next:
//
//   none                      note_unshared       unshared
//   unshared                  forget_unshared     none
//   unshared                  open_frame_for      waiting
//   none                      wait                waiting
//   waiting                   close_waiting       unshared, the last page that waits for the frame
//   waiting, apart            close_waiting       none
//   waiting                   grant_waiting       granted
//   waiting, apart            grant_known         granted, another frame; its own one goes
//   none                      grant               granted
//   granted                   confirm             merged
//   merged                    cool                cold
//   cold                      warm                merged
//   cold                      send                moving, to the frame's twin
//   moving                    stay                merged
//   moving                    arrive              merged, with the twin
//   moving                    leave_for_twin      granted, the twin
//   all but none, unshared    release             none
//
// The Ledger decides nothing: which step comes is up to the Merger. A step that the states don't allow ends
// the process. Pure. Not for several threads.
//
// Long because each verb says what has to be true before it and is true after it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "dedup/daemon/digest_index.hpp"
#include "dedup/daemon/extents.hpp"
#include "dedup/daemon/frame_refs.hpp"
#include "dedup/daemon/orders.hpp"
#include "dedup/daemon/paging/slot_room.hpp"
#include "dedup/daemon/sighting.hpp"

namespace samepage::dedup {

struct SharingCounts {
  std::uint64_t pages_shared = 0;  // published frames
  std::uint64_t pages_merged = 0;  // mappings of them that agents confirmed
  std::uint64_t pages_unshared = 0;
  std::uint64_t pages_pending = 0;  // waiting for a frame or granted and not answered
  std::uint64_t frame_dups = 0;     // of pages_shared: frames whose content another frame has too
  std::uint64_t slots = 0;          // of paging files, which have their bytes
  std::uint64_t pages_paged = 0;    // mappings of them that agents confirmed

  /// Further mappings of frames: the pages that sharing saves.
  [[nodiscard]] std::uint64_t pages_sharing() const {
    return pages_merged - std::min(pages_merged, pages_shared);
  }

  SharingCounts& operator+=(const SharingCounts& other) {
    pages_shared += other.pages_shared;
    pages_merged += other.pages_merged;
    pages_unshared += other.pages_unshared;
    pages_pending += other.pages_pending;
    frame_dups += other.frame_dups;
    slots += other.slots;
    pages_paged += other.pages_paged;
    return *this;
  }
  friend bool operator==(const SharingCounts&, const SharingCounts&) = default;
};

/// What becomes of a frame's number when the frame goes.
enum class FrameNumber : std::uint8_t { freed, stays_reserved };

class Ledger {
 public:
  /// Frames of the store are numbered below `max_frames`. `account` is charged for frames and records. Pages
  /// go out to where `slots` has room; null: nowhere. With `seed`, frames can be opened apart. Throws
  /// std::system_error.
  explicit Ledger(std::uint32_t max_frames, Account* account = nullptr, SlotRoom* slots = nullptr,
                  std::optional<std::uint64_t> seed = {})
      : records_(max_frames, account), slots_(slots) {
    if (seed) random_.emplace(*seed);
  }
  ~Ledger() = default;
  Ledger(const Ledger&) = delete;  // the index points at the records
  Ledger& operator=(const Ledger&) = delete;

  // Guests.

  /// Numbers for a guest's pages; the first of them. Throws UserError when the domain is full, or
  /// std::system_error when there is no memory for records; then nothing has changed.
  PageId add_pages(std::uint32_t pages);
  /// Gives back the memory of records that are all `none`.
  void forget_pages(PageId first, std::uint32_t pages) { records_.forget_pages(first, pages); }
  /// A guest's pages are all `none`: their numbers may be used again.
  void remove_pages(PageId first, std::uint32_t pages);

  // Pages that share nothing.

  /// Makes sure that the verbs below find room for the page. False when the account has none. Throws
  /// std::system_error. Either way nothing has changed then.
  [[nodiscard]] bool prepare(PageId page) {
    if (!records_.admit(page)) return false;
    make_room();
    return true;
  }
  /// Makes sure of that for one more content, as publish() needs it of a frame that waits apart. Throws
  /// std::system_error.
  void make_room() { index_.make_room(); }
  /// Where a content is. A slot of a paging file that is being removed is found no more.
  [[nodiscard]] std::optional<Sighting> find(Digest digest);
  /// Has the processor fetch what find() will read: its memory is all over the place. Some calls before it
  /// the one, some later the other.
  void prefetch(Digest digest) const { index_.prefetch(digest); }
  void prefetch_record(Digest digest) const { index_.prefetch_record(digest); }
  /// Of a digest that the index does not have.
  void note_unshared(PageId page, Digest digest);
  void forget_unshared(PageId page);

  // Frames that wait for their bytes, and the pages that wait for them.

  /// A frame for a digest that the index does not have. Empty when the store or the account is full. Frames
  /// that are opened one after the other are neighbours where that is possible.
  std::optional<FrameId> open_frame(Digest digest);
  /// The same for a slot of a paging file.
  std::optional<FrameId> open_slot(Digest digest);
  /// A frame for the digest of an unshared page, which waits for it then. Empty as above.
  std::optional<FrameId> open_frame_for(PageId unshared);
  /// A frame for one page, whoever else has its content; it may lie anywhere. Nobody finds it before it is
  /// published. Empty as above.
  std::optional<FrameId> open_apart(Digest digest);
  /// Which of those that wait apart donates first. Frames get their memory in this order: neighbouring pages
  /// are to have no more in common there than others.
  void shuffle(std::vector<PageAndFrame>& donations);
  void wait(PageId page, FrameId frame) {
    records_.link(page, frame, SharingState::waiting);
    ++counts_.pages_pending;
  }
  /// A frame without bytes goes. If one page still waits for it, that page is unshared again; of a frame
  /// apart, nothing is known of it any more.
  void close_waiting(FrameId frame);
  void set_donor(FrameId frame, Donor donor) { records_.set_donor(frame, donor); }

  // Published frames.

  /// The frame has its bytes. Pages that wait for it are to be granted it, one after the other.
  void publish(FrameId frame);
  /// A page that shares nothing is granted a published frame.
  void grant(PageId page, FrameId frame) {
    records_.link(page, frame, SharingState::granted);
    ++counts_.pages_pending;
  }
  /// A page that waits apart is granted `known` instead, which has its content. Its own frame goes.
  void grant_known(PageId page, FrameId known);
  /// A page that waits is granted `frame`: the frame that it waits for, or a dup of it. Returns the
  /// references that are left to the frame that it waited for.
  std::uint32_t grant_waiting(PageId page, FrameId frame);
  /// The agent has mapped what it was granted.
  void confirm(PageId page) {
    records_.set_linked(page, SharingState::merged);
    --counts_.pages_pending;
    ++confirmed(page);
  }
  /// The page shares nothing any more. Returns the references that are left to its frame.
  std::uint32_t release(PageId page);
  /// A published frame without references goes, and with it the content.
  void reap(FrameId frame, FrameNumber number = FrameNumber::freed);
  /// A published frame without references goes, and `other` has the same content.
  void reap_one_of(FrameId frame, FrameId other, FrameNumber number);

  // Frames of the store that go out: the content gets a slot beside its frame, the frame's twin.

  /// A merged page's guest does not use it, or may use it again.
  void cool(PageId page) { change(page, SharingState::merged, SharingState::cold); }
  void warm(PageId page) { change(page, SharingState::cold, SharingState::merged); }
  /// A slot that waits for the bytes of a published frame. Nobody finds it yet. Empty when there is no room.
  std::optional<FrameId> open_twin(FrameId frame);
  /// It did not get them, or is not needed.
  void close_twin(FrameId frame);
  /// It has its bytes: the content is found there from now on, and no more at the frame.
  void publish_twin(FrameId frame);
  /// The page of such a frame is told to map the twin.
  void send(PageId page) { change(page, SharingState::cold, SharingState::moving); }
  /// Its agent has not mapped it.
  void stay(PageId page) { change(page, SharingState::moving, SharingState::merged); }
  /// Its agent has mapped it.
  void arrive(PageId page);
  /// The page does not map the frame any more; its agent has not answered yet whether it maps the twin.
  void leave_for_twin(PageId page);
  /// The frame, without references, goes; the content stays at its twin.
  void reap_moved(FrameId frame);
  /// The twin, without references, goes; the content is found at the frame again.
  void take_back(FrameId frame);
  void set_queued(FrameId frame, bool queued) { records_.set_queued(frame, queued); }
  /// Slots that wait for a frame's bytes.
  [[nodiscard]] std::uint32_t twins_under_way() const { return twins_under_way_; }

  // Dups: further frames of a content, with numbers in a row.

  std::optional<FrameId> reserve_run(std::uint32_t count) { return records_.reserve(count); }
  void unreserve_run(FrameId first, std::uint32_t count) { records_.unreserve(first, count); }
  /// A frame with a reserved number that is about to get the bytes of a published one. False when the account
  /// is full.
  [[nodiscard]] bool open_dup(FrameId dup, Digest digest) { return records_.allocate_reserved(dup, digest); }
  /// It could not get them.
  void close_dup(FrameId dup) { records_.release_reserved(dup); }
  void publish_dup(FrameId dup);

  [[nodiscard]] const FrameRefs& records() const { return records_; }
  [[nodiscard]] const SharingCounts& counts() const { return counts_; }
  /// Contents that are known.
  [[nodiscard]] std::size_t contents() const { return index_.size(); }
  /// Slots of the index that were looked at so far.
  [[nodiscard]] std::uint64_t index_probes() const { return index_.probes(); }
  /// Whether frames are opened apart, and no others.
  [[nodiscard]] bool apart() const { return random_.has_value(); }
  [[nodiscard]] std::uint64_t memory_bytes() const { return records_.memory_bytes() + index_.memory_bytes(); }

 private:
  struct DigestOf {
    const FrameRefs* records;
    Digest operator()(Sighting seen) const { return records->digest(seen); }
    void prefetch(Sighting seen) const { records->prefetch(seen); }
  };

  std::optional<FrameId> allocate(Digest digest);
  std::optional<FrameId> allocate_slot(Digest digest);
  void change(PageId page, SharingState from, SharingState to);
  void drop_frame(FrameId frame, FrameNumber number);
  void release_frame(FrameId frame);
  [[nodiscard]] std::uint64_t& confirmed(PageId page) {
    return is_slot(records_.frame(page)) ? counts_.pages_paged : counts_.pages_merged;
  }
  [[nodiscard]] std::uint64_t& published(FrameId frame) {
    return is_slot(frame) ? counts_.slots : counts_.pages_shared;
  }

  FrameRefs records_;
  DigestIndex<DigestOf> index_{DigestOf{&records_}};
  Extents page_numbers_{FrameRefs::max_pages - 1};
  FrameId last_frame_;
  std::optional<std::mt19937_64> random_;
  SlotRoom* slots_;
  std::uint32_t twins_under_way_ = 0;
  std::array<std::uint32_t, max_paging_files> next_slot_{};
  SharingCounts counts_;
};

}  // namespace samepage::dedup
