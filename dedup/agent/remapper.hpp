// SPDX-License-Identifier: Apache-2.0
// The only code that replaces guest pages. It asks for the proof that the guest is held, compares every byte,
// and only then maps: frames of the store over pages that equal them, nothing over pages that are zero. All
// ranges that it is given lie in one region. The agent's thread calls it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "dedup/agent/backing.hpp"
#include "dedup/agent/frame_copies.hpp"
#include "dedup/agent/frame_files.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Remapper {
 public:
  /// Both must outlive it.
  Remapper(const GuestPages& pages, PageStates& states) : pages_(pages), states_(states) {}

  /// Maps the pages of a candidate to its frames where all bytes are equal. Says in `merged` which
  /// were mapped and which had changed: those keep what they had, a page that is merged its frame. What the
  /// kernel could not map is in neither list: take_refusal(). Returns how many mappings that took.
  std::uint32_t merge(const PausedGuest& held, const FrameFiles& files, const MergeCandidate& candidate,
                      wire::Merged& merged);
  /// Pages that the kernel had no mapping for, and its reason, an errno: of merge() since the last call.
  struct Refusal {
    int error = 0;  // 0: there are none
    std::vector<PageRange> pages;
  };
  [[nodiscard]] Refusal take_refusal() { return std::exchange(refusal_, {}); }
  [[nodiscard]] bool was_refused() const { return refusal_.error != 0; }
  /// Maps the pages of `grant`, which were never written, to its frames, and makes them hold
  /// `image`, the bytes of an image that is being loaded: what a frame has otherwise, or what could not be
  /// mapped, is copied and said to be refused.
  void place(const PausedGuest& held, const FrameFiles& files, const wire::Grant& grant,
             std::span<const std::byte> image, wire::Merged& merged);
  /// Maps the pages of a candidate from its file where they are the guest's own, or another file's, and all
  /// bytes are equal. `mapped` gets them.
  void back(const PausedGuest& held, const BackingCandidate& candidate, std::vector<PageRange>& mapped);
  /// Makes the pages of `range` those of `run` of its file again, or untouched where it is null. `of_file`:
  /// the range lies in a mapping of just these. Calls `changed` with what was something else as far as is
  /// known. Returns how many had memory of the guest's own. Throws std::system_error.
  std::uint64_t put_back(const PausedGuest& held, const Pagemap& pagemap, const PageRange& range,
                         const BackedRun* run, bool of_file,
                         const std::function<void(const PageRange&)>& changed);
  /// Maps frames of the store once more over the pages of `run` that are merged with them, so that the page
  /// tables tell whether they are used from now on. `run` lies in one mapping, which has it from that place
  /// of the store; what the guest has written of it since stays. Returns how many mappings that took.
  std::uint32_t map_again(const PausedGuest& held, const Pagemap& pagemap, const BackedRun& run);
  /// Marks what merge(), place(), back(), map_again() and put_back() have mapped since the last call as not
  /// to be inherited by children. Once for many runs that are close to each other: the call costs as much as
  /// mapping a page.
  void keep_from_children(const PausedGuest& held);

  /// Gives the pages of `range` memory of the guest's own with the same bytes: the mapping of the store below
  /// them goes. `track` is called with the new mapping before it is touched: only when it is like its
  /// neighbours by then, the kernel makes one mapping of them. Whatever `track` does, the bytes are back when
  /// this returns or throws. False, and nothing has changed, when the kernel has no room for it.
  [[nodiscard]] bool unmerge(const PausedGuest& held, const PageRange& range,
                             const std::function<void(std::span<const std::byte>)>& track);
  struct Given {
    std::uint32_t pages = 0;
    std::uint32_t replaced = 0;  // mappings of a store that others took the place of, at most
  };
  /// Gives back the pages of `range` that are zero.
  Given give_back(const PausedGuest& held, const PageRange& range);
  /// Drops the pages of `range`, whatever is in them: the guest has said that it does not need them. False,
  /// and all is as it was, when the kernel can't.
  [[nodiscard]] bool discard(const PausedGuest& held, const PageRange& range);

 private:
  void begin_run(const PausedGuest& held, PageIndex page);
  bool map_frames(int file, const wire::Grant& grant);
  bool map_file(const PageRange& range, int file, std::uint64_t offset);

  const GuestPages& pages_;
  PageStates& states_;
  Refusal refusal_;
  std::span<std::byte> inheritable_;  // mapped, and not marked yet; holes in it are memory of the guest too
};

}  // namespace samepage::dedup
