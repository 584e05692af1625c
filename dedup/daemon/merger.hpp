// SPDX-License-Identifier: Apache-2.0
// Decides what is merged in one domain. Pages come in as digests; out go grants (map this page to that
// frame), donation requests (copy this page out, a frame is to be made of it) and frames that nobody uses any
// more.
//
//   first sighting of a digest     unshared: the index knows the one page
//   ... of a page of an image      a frame is set aside, the page waits for it and donates: the next guest of
//                                  the image finds it while it loads
//   second sighting                a frame is set aside, both pages wait for it, the newcomer donates
//   donation arrives, digest right the frame is published, every page that waits is granted it
//   donation arrives, digest wrong the donor had changed: another one donates, or the last one is unshared
//   later sightings                granted at once
//   guest wrote / process gone     the page leaves the frame's sharers; after the last one it is reaped
//
// A content that a guest has in many pages in a row (what Linux leaves in the freed pages of its initrd)
// would take a mapping for each of them, because one frame is at one place of the store. Such a content gets
// dups: further frames with the same bytes, with numbers in a row, so that neighbouring pages map
// neighbouring frames. KSM does the same for another reason (max_page_sharing) and with more copies.
//
// A reference is counted from the grant on, before any agent hears of it. Pure: it sees no socket, no store
// and no clock, so every order of events can be tried. Not for several threads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dedup/daemon/digest_index.hpp"
#include "dedup/daemon/extents.hpp"
#include "dedup/daemon/frame_refs.hpp"
#include "dedup/daemon/keyed_hash.hpp"
#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

/// What the outside has to do after calls to a Merger. `reaped` frames have no reference left; their memory
/// can be given back at once.
struct MergerOrders {
  struct PageAndFrame {
    PageId page;
    FrameId frame;
  };
  std::vector<PageAndFrame> grants;
  std::vector<PageAndFrame> donations;
  std::vector<FrameId> reaped;
};

struct MergerCounts {
  std::uint64_t pages_shared = 0;  // published frames
  std::uint64_t pages_merged = 0;  // mappings of them that agents confirmed
  std::uint64_t pages_unshared = 0;
  std::uint64_t pages_pending = 0;  // waiting for a frame or granted and not answered
  std::uint64_t frame_dups = 0;     // of pages_shared: frames whose content another frame has too
};

/// When a content gets dups: with so many references to one frame, so many frames in a row. The memory that
/// they cost is at most run / references of what the content has saved.
struct DupPolicy {
  std::uint32_t references = 512;
  std::uint32_t run = 32;
};

/// Copies a published frame's bytes to a frame that nobody maps. False when there is no memory for it.
using CopyFrame = std::function<bool(FrameId from, FrameId to)>;

class Merger {
 public:
  /// What a peer said against what the books say.
  enum class [[nodiscard]] Outcome : std::uint8_t{done, violation};

  /// Every frame's number will be below `max_frames`. Without `copy_frame` no content gets dups. `account` is
  /// charged for frames and records; what it has no room for is not merged. Throws std::system_error.
  explicit Merger(std::uint32_t max_frames, CopyFrame copy_frame = {}, DupPolicy dup_policy = {},
                  Account* account = nullptr)
      : books_(max_frames, account), copy_frame_(std::move(copy_frame)), dup_policy_(dup_policy) {}
  ~Merger() = default;
  Merger(const Merger&) = delete;  // the index points at the books
  Merger& operator=(const Merger&) = delete;

  /// Numbers for a guest's pages; the first of them. Throws UserError when the domain is full, or
  /// std::system_error when there is no memory for records; then nothing has changed.
  PageId add_guest(std::uint32_t pages);

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

  /// What becomes of a digest that nobody has offered before.
  enum class FirstSighting : std::uint8_t { noted, makes_frame };
  Outcome offer(PageId page, Digest digest, FirstSighting first = FirstSighting::noted);
  /// The offer of this page, if there is one, does not stand any more.
  Outcome withdraw(PageId page);
  /// `page` was asked to donate for a frame; `digest` is that of the bytes that came. Returns the frame to
  /// write them to and then to publish; empty when they are no use.
  std::optional<FrameId> donated(PageId page, Digest digest);
  /// The frame has its bytes: the pages that wait for it are granted it, as far as the turn goes; go_on()
  /// does the rest.
  void publish(FrameId frame, Turn& turn);
  enum class Answer : std::uint8_t { kept, refused };
  Outcome answered(PageId page, Answer answer);
  Outcome broken(PageId page);

  /// To be called about once a second: whoever has not donated since the call before the last one (its
  /// process may be stopped) is passed over, and another sharer is asked. go_on() does it.
  void pass_over_silent_donors() { ++round_; }
  /// What publish() and pass_over_silent_donors() have left to do. True when all is done.
  [[nodiscard]] bool go_on(Turn& turn);
  [[nodiscard]] bool busy() const {
    return !publishing_.empty() || (!asked_.empty() && is_silent(asked_.front()));
  }

  /// What has to be done since the last call.
  MergerOrders take_orders();

  [[nodiscard]] MergerCounts counts() const { return counts_; }
  [[nodiscard]] const FrameRefs& books() const { return books_; }
  /// Slots of the index that were looked at so far.
  [[nodiscard]] std::uint64_t index_probes() const { return index_.probes(); }
  [[nodiscard]] std::uint64_t memory_bytes() const { return books_.memory_bytes() + index_.memory_bytes(); }

 private:
  struct DigestOf {
    const FrameRefs* books;
    Digest operator()(Sighting seen) const {
      return seen.is_frame() ? books->digest(seen.frame()) : books->digest(seen.page());
    }
  };

  bool grant_waiting(FrameId frame, Turn& turn);
  bool ask_others(Turn& turn);
  void note_unshared(PageId page, Digest digest);
  void make_frame(PageId page, Digest digest);
  void second_sighting(PageId first, PageId second, Digest digest);
  void leave(PageId page);
  void forget_unshared(PageId page);
  void leave_waiting(PageId page);
  void leave_published(PageId page);
  void find_donor(FrameId frame);
  void ask_for(FrameId frame, PageId donor);

  // The numbers that a content's dups have or may get.
  struct Dups {
    FrameId first;
    std::uint32_t frames = 0;  // that there are
  };
  using DupsOf = std::unordered_map<std::uint64_t, Dups, KeyedHash>;  // by digest

  [[nodiscard]] bool is_popular(FrameId frame) const;
  FrameId frame_for(PageId page, FrameId frame, bool popular);
  void reap(FrameId frame);
  void drop_empty(DupsOf::iterator dups);

  FrameRefs books_;
  CopyFrame copy_frame_;
  DupPolicy dup_policy_;
  DupsOf dups_;
  DigestIndex<DigestOf> index_{DigestOf{&books_}};
  Extents page_numbers_{FrameRefs::max_pages - 1};
  struct Asked {
    FrameId frame;
    Donor donor;
  };
  [[nodiscard]] bool is_silent(const Asked& asked) const { return round_ - asked.donor.round >= 2; }
  std::deque<Asked> asked_;  // in this order; what no longer holds stays until its turn comes
  std::uint32_t round_ = 0;
  std::deque<FrameId> publishing_;  // frames that were published while more waited than a turn can grant
  FrameId last_frame_;
  MergerOrders orders_;
  MergerCounts counts_;
};

}  // namespace samepage::dedup
