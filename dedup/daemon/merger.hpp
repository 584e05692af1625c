// SPDX-License-Identifier: Apache-2.0
// Decides what is merged in one domain. Pages come in as digests; out go grants (map this page to that
// frame), donation requests (copy this page out, a frame is to be made of it) and frames that nobody uses any
// more.
//
//   first sighting of a digest     unshared: the index knows the one page
//   ... of a page of an image      a frame is set aside, the page waits for it and donates: the next guest of
//                                  the image finds it while it loads
//   ... of a page that goes out    the same, and the frame is a slot of a paging file
//   second sighting                a frame is set aside, both pages wait for it, the newcomer donates
//   donation arrives, digest right the frame is published, every page that waits is granted it
//   donation arrives, digest wrong the donor had changed: another one donates, or the last one is unshared
//   later sightings                granted at once
//   guest wrote / process gone     the page leaves the frame's sharers; after the last one it is reaped
//   all sharers leave it cold      the frame goes out to a slot (evictions.hpp)
//
// In a domain of the mode `uniform` what others have must not show. So each page takes the same way, whoever
// else has its content:
//
//   every sighting of a digest     a frame is set aside anywhere in the store, for this page alone; the page
//                                  donates
//   donation arrives, digest right known: the page is granted the frame that has the content, and its own one
//                                  goes. New: that one is published, and granted
//
// No page is unshared there, none goes out, and no content has dups.
//
// What is known stands in the Ledger (ledger.hpp), which draws the states. Who is asked for a frame's bytes
// is up to Donors, and which of several frames of one content a page gets to Dups. The walk of a page begins
// in Merger::offer.
//
// A reference is counted from the grant on, before any agent hears of it. Pure: it sees no socket, no store
// and no clock, so every order of events can be tried. Not for several threads.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "dedup/daemon/donors.hpp"
#include "dedup/daemon/dups.hpp"
#include "dedup/daemon/evictions.hpp"
#include "dedup/daemon/ledger.hpp"
#include "dedup/daemon/orders.hpp"
#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

class Merger {
 public:
  /// What a peer said against what the records say.
  enum class [[nodiscard]] Outcome : std::uint8_t{done, violation};

  /// Every frame's number will be below `max_frames`. Without `copy_frame` no content gets dups. `account` is
  /// charged for frames and records; what it has no room for is not merged. Pages go out to `slots`. With
  /// `seed` the domain is uniform: it needs neither `copy_frame` nor `slots`. Throws std::system_error.
  explicit Merger(std::uint32_t max_frames, CopyFrame copy_frame = {}, DupPolicy dup_policy = {},
                  Account* account = nullptr, SlotRoom* slots = nullptr,
                  std::optional<std::uint64_t> seed = {})
      : ledger_(max_frames, account, slots, seed),
        dups_(ledger_, std::move(copy_frame), dup_policy),
        donors_(ledger_),
        evictions_(ledger_, dups_, orders_) {}

  /// Numbers for a guest's pages; the first of them. Throws UserError when the domain is full, or
  /// std::system_error when there is no memory for records; then nothing has changed.
  PageId add_guest(std::uint32_t pages) { return ledger_.add_pages(pages); }

  /// A guest that goes, in as many turns as it takes: `at` is where the last turn ended, 0 at first. True
  /// when all is done. The guest can be asked nothing any more, but what it mapped it may still map:
  /// `references` becomes true when that is anything.
  [[nodiscard]] bool detach_guest(PageId first, std::uint32_t pages, std::uint32_t& at, bool& references,
                                  Turn& turn);
  /// The guest's process is gone: all its references go, and in the end its numbers may be used again.
  [[nodiscard]] bool remove_guest(PageId first, std::uint32_t pages, std::uint32_t& at, Turn& turn);
  /// A guest that was detached and is back says what it maps of its grants, and what it does not.
  Outcome retained(PageId page);
  void not_retained(PageId page) { leave(page); }
  /// Before that: the page maps a slot. The answer to the grant of it may have been lost.
  void retained_out(PageId page);

  /// What becomes of a digest that nobody has offered before.
  enum class FirstSighting : std::uint8_t {
    noted,
    makes_frame,
    pages_out,  // a frame in a paging file: the page is to leave memory, alone if need be
  };
  Outcome offer(PageId page, Digest digest, FirstSighting first = FirstSighting::noted);
  /// Of offers to come: see Ledger.
  void prefetch(Digest digest) const { ledger_.prefetch(digest); }
  void prefetch_record(Digest digest) const { ledger_.prefetch_record(digest); }
  /// The offer of this page, if there is one, does not stand any more.
  Outcome withdraw(PageId page);
  /// `page` was asked to donate for a frame; `digest` is that of the bytes that came. Returns the frame to
  /// write them to and then to publish; empty when they are no use. Throws std::system_error when there is no
  /// memory for records; then nothing has changed.
  std::optional<FrameId> donated(PageId page, Digest digest);
  /// The same, but there is no memory for a frame. The pages that wait for it wait on, and so do those of all
  /// frames that come, until let_frames_go().
  void not_written(FrameId frame, PageId page);
  /// One of those pages is asked to donate. False when there is none.
  bool try_one_frame() { return donors_.ask_one(); }
  /// All of them are; go_on() does it.
  void let_frames_go() { donors_.let_go(); }
  /// The frame has its bytes: the pages that wait for it are granted it, as far as the turn goes; go_on()
  /// does the rest.
  void publish(FrameId frame, Turn& turn);
  enum class Answer : std::uint8_t { kept, refused };
  Outcome answered(PageId page, Answer answer);
  Outcome broken(PageId page);
  /// The guest of a page that is merged with a frame of the store does not use it, or may use it again.
  Outcome cold(PageId page);
  void warm(PageId page) {
    if (records().state(page) == SharingState::cold) ledger_.warm(page);
  }
  /// A frame of the store was to be copied, or one that waits for its bytes to get them, and can't. Pages
  /// that wait for it stay known by their digest, and share a frame of the store where there are several.
  void cancel(FrameId frame);

  /// To be called about once a second: a donor that has not donated since the call before the last one (its
  /// process may be stopped) is passed over, and another sharer is asked. go_on() does it.
  void pass_over_silent_donors() { donors_.next_round(); }
  /// What publish() and pass_over_silent_donors() have left to do. True when all is done.
  [[nodiscard]] bool go_on(Turn& turn);
  [[nodiscard]] bool busy() const {
    return !publishing_.empty() || donors_.any_silent() || donors_.any_to_ask() || evictions_.busy();
  }

  /// What has to be done since the last call.
  MergerOrders take_orders();

  [[nodiscard]] const FrameRefs& records() const { return ledger_.records(); }
  [[nodiscard]] const SharingCounts& counts() const { return ledger_.counts(); }
  /// Slots of the index that were looked at so far.
  [[nodiscard]] std::uint64_t index_probes() const { return ledger_.index_probes(); }
  [[nodiscard]] std::uint64_t memory_bytes() const { return ledger_.memory_bytes(); }

 private:
  void ask_for_it(PageId page, Digest digest);
  void first_sighting(PageId page, Digest digest, FirstSighting first);
  void second_sighting(PageId first, PageId second);
  void later_sighting(PageId page, FrameId frame);
  bool grant_waiting(FrameId frame, Turn& turn);
  void leave(PageId page);
  void leave_waiting(PageId page);
  void leave_published(PageId page);
  void settle(FrameId frame);
  void reap(FrameId frame);

  Ledger ledger_;
  Dups dups_;
  Donors donors_;
  MergerOrders orders_;
  Evictions evictions_;
  std::deque<FrameId> publishing_;  // frames that were published while more waited than a turn can grant
};

}  // namespace samepage::dedup
