// SPDX-License-Identifier: Apache-2.0
// The only code that replaces guest pages. It asks for the proof that the guest is held, compares every byte,
// and only then maps: frames of the store over pages that equal them, nothing over pages that are zero. The
// agent's thread calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/write_barrier.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Remapper {
 public:
  /// `store` is the domain's frame store, read-only. Throws std::system_error.
  Remapper(GuestPages& pages, UniqueFd store);

  /// A grant and the bytes of its frames: of fewer than are granted when the store does not have them all.
  struct Candidate {
    wire::Grant grant;
    std::span<const std::byte> frames;
  };
  /// No grant that is to be read may be longer.
  static constexpr PageCount most_at_once{256};
  /// Copies the frames of the first of `grants`, as many as there is room for, so that comparing them under
  /// the barrier waits for nothing. They are there until the next call or forget_frames().
  [[nodiscard]] std::vector<Candidate> read_frames(std::span<const wire::Grant> grants);
  /// Maps the pages of a candidate, which lie in one region, to its frames where all bytes are equal. Says in
  /// `merged` which were mapped and which were not.
  void merge(const PausedGuest& held, const Candidate& candidate, wire::Merged& merged);
  /// Maps the pages of `grant`, which lie in one region and were never written, to its frames, and makes them
  /// hold `image`, the bytes of an image that is being loaded: what a frame has otherwise, or what could not
  /// be mapped, is copied and said to be refused.
  void place(const PausedGuest& held, const wire::Grant& grant, std::span<const std::byte> image,
             wire::Merged& merged);
  /// Marks what merge() and place() have mapped since the last call as not to be inherited by children. Once
  /// for many runs: the call costs as much as mapping a page.
  void keep_from_children(const PausedGuest& held);

  /// Gives the pages of `range`, which lie in one region, memory of the guest's own with the same bytes: the
  /// mapping of the store below them goes. `track` is called with the new mapping before it is touched: only
  /// when it is like its neighbours by then, the kernel makes one mapping of them. Whatever `track` does, the
  /// bytes are back when this returns or throws. False, and nothing has changed, when the kernel has no room
  /// for it.
  [[nodiscard]] static bool unmerge(const PausedGuest& held, GuestPages& pages, const wire::PageRange& range,
                                    const std::function<void(std::span<const std::byte>)>& track);

  [[nodiscard]] const UniqueFd& store() const { return store_; }
  /// The store's descriptor, for who wants to know of it when nothing is mapped from it by us any more.
  [[nodiscard]] UniqueFd take_store() { return std::move(store_); }
  /// Gives the memory of the copied frames back.
  void forget_frames();

  /// Gives back the pages of `range`, which lie in one region, that are zero. Appends them to `given`.
  static void give_back(const PausedGuest& held, GuestPages& pages, const wire::PageRange& range,
                        std::vector<wire::PageRange>& given);

  /// Drops the pages of `range`, which lie in one region, whatever is in them: the guest has said that it
  /// does not need them. False, and all is as it was, when the kernel can't.
  [[nodiscard]] static bool discard(const PausedGuest& held, GuestPages& pages, const wire::PageRange& range);

 private:
  void begin_run(const PausedGuest& held, std::uint32_t page);
  [[nodiscard]] bool has_frames(const wire::Grant& grant) const;
  bool map_frames(std::uint32_t page, FrameId frame, std::uint32_t count);

  GuestPages& pages_;
  UniqueFd store_;
  std::span<std::byte> inheritable_;  // mapped, and not marked yet; holes in it are memory of the guest too
  Mapping copies_ = Mapping::anonymous(most_at_once.bytes());  // of frames
};

}  // namespace samepage::dedup
