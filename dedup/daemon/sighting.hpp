// SPDX-License-Identifier: Apache-2.0
// Where a content was seen: on a page of a guest, or in a frame of the store.
#pragma once

#include <compare>
#include <cstdint>

#include "base/types.hpp"

namespace samepage::dedup {

/// The number of a page among all pages of a domain: a guest's base + the ordinal of the page in its RAM.
struct PageId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(PageId, PageId) = default;
  friend constexpr PageId operator+(PageId a, std::uint32_t n) { return {a.value + n}; }
  friend constexpr PageId operator-(PageId a, std::uint32_t n) { return {a.value - n}; }
  friend constexpr std::uint32_t operator-(PageId a, PageId b) { return a.value - b.value; }
  constexpr PageId& operator++() { return ++value, *this; }
  /// A page of the guest whose base this is, and back.
  friend constexpr PageId operator+(PageId guest, PageIndex page) { return {guest.value + page.value}; }
  [[nodiscard]] constexpr PageIndex index_in(PageId guest) const { return {value - guest.value}; }
};

/// A page or a frame, in one word.
class Sighting {
 public:
  static Sighting of(PageId page) { return Sighting(page.value); }
  static Sighting of(FrameId frame) { return Sighting(frame.value | frame_bit); }

  [[nodiscard]] bool is_frame() const { return (word_ & frame_bit) != 0; }
  [[nodiscard]] PageId page() const { return {word_}; }
  [[nodiscard]] FrameId frame() const { return {word_ & ~frame_bit}; }
  /// The same as a number, and back.
  [[nodiscard]] std::uint32_t word() const { return word_; }
  static Sighting from_word(std::uint32_t word) { return Sighting(word); }
  friend bool operator==(Sighting, Sighting) = default;

 private:
  explicit Sighting(std::uint32_t word) : word_(word) {}
  static constexpr std::uint32_t frame_bit = 1U << 31;

  std::uint32_t word_;
};

}  // namespace samepage::dedup
