// SPDX-License-Identifier: Apache-2.0
// The daemon's books of one domain: what is known of every page of its guests and of every frame of its
// store.
//
//   pages  word:  state 4 | digest 60                     unshared
//                 state 4 | frame 30 | next sharer 30     waiting, granted, merged
//          prev:  previous sharer 32
//   frames digest 60, state 4; first sharer 32, references 32
//
// A frame's sharers are a doubly linked list through the pages' words: every sharer of a frame is found
// without walking any guest's table, and a page leaves the list in constant time. A page costs 12 bytes, a
// frame 16.
//
// The reference count of a published frame is the length of its list: pages that were told to map it
// (granted) and pages that do (merged). Pure: no descriptor, no clock. Not for several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "dedup/daemon/extents.hpp"
#include "dedup/digest.hpp"

namespace samepage::dedup {

/// The number of a page among all pages of a domain: a guest's base + the ordinal of the page in its RAM.
struct PageId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(PageId, PageId) = default;
};

/// What the daemon knows of a page.
enum class PageKnowledge : std::uint8_t {
  none,      // nothing, or nothing that still holds
  unshared,  // its digest is in the index, alone
  waiting,   // another page has the same digest; a frame is about to be made of one of them
  granted,   // its agent was told to map a frame and has not answered
  merged,    // its agent has mapped the frame
};

enum class FrameState : std::uint8_t { free, waiting, published };

class FrameRefs {
 public:
  static constexpr std::uint32_t max_pages = 1U << 30;
  static constexpr std::uint32_t max_frames = (1U << 30) - 1;

  /// The books of no page and no frame. Memory is reserved for max_pages and committed with the pages that
  /// something is known of. Frames are numbered below `frames`. Throws std::system_error.
  explicit FrameRefs(std::uint32_t frames = max_frames);

  /// Nothing is known any more of pages of which nothing is linked: their books cost nothing.
  void forget_pages(PageId first, std::uint32_t pages);

  [[nodiscard]] PageKnowledge knowledge(PageId page) const;
  /// Whether the page shares a frame: waits for it, is granted it, or maps it.
  [[nodiscard]] bool is_linked(PageId page) const;
  /// Of an unshared page.
  [[nodiscard]] Digest digest(PageId page) const;
  /// Of a page that is waiting, granted or merged.
  [[nodiscard]] FrameId frame(PageId page) const;

  void set_none(PageId page);
  void set_unshared(PageId page, Digest digest);
  /// Between granted and merged, and from waiting to granted.
  void set_linked(PageId page, PageKnowledge knowledge);

  /// A new frame without sharers, waiting for its bytes; near `wanted` when that is free. Empty when the
  /// store is full.
  std::optional<FrameId> allocate(Digest digest, FrameId wanted);
  void publish(FrameId frame);
  /// A frame without sharers goes; its number may be used again.
  void release(FrameId frame);

  /// Sets `count` numbers in a row aside, without frames; the first of them. Empty when there is no such run.
  std::optional<FrameId> reserve(std::uint32_t count);
  /// Gives back what reserve() returned; none of the numbers is a frame any more.
  void unreserve(FrameId first, std::uint32_t count);
  /// A frame with a reserved number, waiting for its bytes.
  void allocate_reserved(FrameId frame, Digest digest);
  /// A frame without sharers goes; its number stays reserved.
  void release_reserved(FrameId frame);

  [[nodiscard]] FrameState state(FrameId frame) const;
  [[nodiscard]] Digest digest(FrameId frame) const;
  [[nodiscard]] std::uint32_t references(FrameId frame) const;

  /// The page becomes a sharer of the frame, waiting or granted.
  void link(PageId page, FrameId frame, PageKnowledge knowledge);
  /// The page is no sharer any more and nothing is known of it. Returns the references that are left.
  std::uint32_t unlink(PageId page);

  /// Calls `visit(PageId)` for each sharer. `visit` may unlink the page that it is given.
  template <typename Visit>
  void for_each_sharer(FrameId frame, Visit visit) const {
    for (std::uint32_t page = frames_[frame.value].head; page != no_page;) {
      const std::uint32_t next = next_of(page);
      visit(PageId{page});
      page = next;
    }
  }

  /// Frames that are waiting or published.
  [[nodiscard]] std::uint32_t frames_in_use() const { return frames_in_use_; }
  /// Every frame in use is numbered below.
  [[nodiscard]] std::uint32_t frames_end() const { return frame_numbers_.end(); }
  /// Calls `visit(first, count)` for each run of free numbers below frames_end().
  template <typename Visit>
  void for_each_free_run(Visit visit) const {
    frame_numbers_.for_each_free_run(visit);
  }
  /// Bytes of memory that the books take for `pages` pages, all of them known of.
  [[nodiscard]] std::uint64_t memory_bytes(std::uint32_t pages) const;

 private:
  struct Frame {
    std::uint64_t word = 0;  // state 4 | digest 60
    std::uint32_t head = 0;
    std::uint32_t references = 0;
  };
  static constexpr std::uint32_t no_page = (1U << 30) - 1;

  [[nodiscard]] std::uint32_t next_of(std::uint32_t page) const;
  void set_next(std::uint32_t page, std::uint32_t next);

  // SAFETY: zeroed memory that holds one number for each page and nothing else.
  [[nodiscard]] std::uint64_t& word(std::uint32_t page) const {
    return reinterpret_cast<std::uint64_t*>(words_.data())[page];
  }
  [[nodiscard]] std::uint32_t& previous(std::uint32_t page) const {
    return reinterpret_cast<std::uint32_t*>(previous_.data())[page];
  }

  Mapping words_;
  Mapping previous_;
  std::vector<Frame> frames_;
  std::uint32_t frames_in_use_ = 0;
  Extents frame_numbers_;
};

}  // namespace samepage::dedup
