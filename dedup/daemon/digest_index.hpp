// SPDX-License-Identifier: Apache-2.0
// Digest -> where it was seen: the one page, or the frame. An open-addressing table of four bytes a slot that
// holds no digests itself: they are in the books (frame_refs.hpp), which the table asks through `DigestOf`.
// Linear probing; a removed entry's followers move up, so that no tombstones pile up. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/types.hpp"
#include "dedup/daemon/frame_refs.hpp"

namespace samepage::dedup {

/// A page or a frame, in one word.
class Sighting {
 public:
  static Sighting of(PageId page) { return Sighting(page.value); }
  static Sighting of(FrameId frame) { return Sighting(frame.value | frame_bit); }

  [[nodiscard]] bool is_frame() const { return (word_ & frame_bit) != 0; }
  [[nodiscard]] PageId page() const { return {word_}; }
  [[nodiscard]] FrameId frame() const { return {word_ & ~frame_bit}; }
  friend bool operator==(Sighting, Sighting) = default;

 private:
  explicit Sighting(std::uint32_t word) : word_(word) {}
  static constexpr std::uint32_t frame_bit = 1U << 31;

  std::uint32_t word_;
};

/// `DigestOf` is called with a Sighting that is in the table and returns its Digest.
template <typename DigestOf>
class DigestIndex {
 public:
  explicit DigestIndex(DigestOf digest_of) : digest_of_(std::move(digest_of)), slots_(min_slots) {}

  [[nodiscard]] std::optional<Sighting> find(Digest digest) const {
    for (std::size_t at = home(digest);; at = next(at)) {
      if (!slots_[at]) return std::nullopt;
      if (digest_of_(*slots_[at]) == digest) return *slots_[at];
    }
  }

  /// `digest` must not be in the table yet.
  void insert(Digest digest, Sighting sighting) {
    if ((size_ + 1) * 4 > slots_.size() * 3) rehash(slots_.size() * 2);
    place(digest, sighting);
    ++size_;
  }

  /// What `digest` stands for changes from `from`, which must be in the table, to `to`.
  void replace(Digest digest, Sighting from, Sighting to) { slots_[slot_of(digest, from)] = to; }

  /// Removes `sighting`, which must be in the table; `digest_of` is still right for it.
  void erase(Digest digest, Sighting sighting) {
    std::size_t hole = slot_of(digest, sighting);
    for (std::size_t at = next(hole); slots_[at]; at = next(at)) {
      // An entry may move up into the hole unless its home lies between the hole and itself.
      const std::size_t from_home = distance(home(digest_of_(*slots_[at])), at);
      if (from_home >= distance(hole, at)) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole] = Slot();
    --size_;
    if (slots_.size() > min_slots && size_ * 8 < slots_.size()) rehash(slots_.size() / 2);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  // A Sighting or nothing, in the size of a Sighting: all ones is no page (max_pages is lower) and no frame.
  class Slot {
   public:
    Slot() = default;
    Slot(Sighting sighting) : sighting_(sighting) {}  // NOLINT(google-explicit-constructor)
    explicit operator bool() const { return !(sighting_ == empty()); }
    Sighting operator*() const { return sighting_; }

   private:
    static Sighting empty() { return Sighting::of(FrameId{~std::uint32_t{0}}); }
    Sighting sighting_ = empty();
  };
  static_assert(sizeof(Slot) == 4);
  static constexpr std::size_t min_slots = 1024;

  [[nodiscard]] std::size_t home(Digest digest) const { return digest.value & (slots_.size() - 1); }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & (slots_.size() - 1);
  }

  std::size_t slot_of(Digest digest, Sighting sighting) const {
    for (std::size_t at = home(digest);; at = next(at)) {
      invariant(static_cast<bool>(slots_[at]), "the index has lost an entry");
      if (*slots_[at] == sighting) return at;
    }
  }

  void place(Digest digest, Sighting sighting) {
    std::size_t at = home(digest);
    while (slots_[at]) at = next(at);
    slots_[at] = sighting;
  }

  void rehash(std::size_t slots) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
    for (const Slot& slot : old) {
      if (slot) place(digest_of_(*slot), *slot);
    }
  }

  DigestOf digest_of_;
  std::vector<Slot> slots_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace samepage::dedup
