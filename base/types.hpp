// SPDX-License-Identifier: Apache-2.0
// Units as types: a page number is no address, a guest's page number is no frame of the store, and
// bytes are no pages. The only shifts by the page size in the project are in this file.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace samepage {

inline constexpr unsigned page_shift = 12;
inline constexpr std::size_t page_size = std::size_t{1} << page_shift;

/// A number of 4 KiB pages.
struct PageCount {
  std::uint64_t value = 0;

  [[nodiscard]] constexpr std::uint64_t bytes() const { return value << page_shift; }
  friend constexpr auto operator<=>(PageCount, PageCount) = default;
  friend constexpr PageCount operator+(PageCount a, PageCount b) { return {a.value + b.value}; }
  friend constexpr PageCount operator-(PageCount a, PageCount b) { return {a.value - b.value}; }
  constexpr PageCount& operator+=(PageCount other) { return value += other.value, *this; }
};

/// Whole pages that `bytes` fill; a remainder is cut off.
constexpr PageCount pages_in(std::uint64_t bytes) {
  return {bytes >> page_shift};
}
/// Whole pages that are needed to hold `bytes`.
constexpr PageCount pages_for(std::uint64_t bytes) {
  return {(bytes + page_size - 1) >> page_shift};
}
constexpr bool is_page_aligned(std::uint64_t bytes) {
  return (bytes & (page_size - 1)) == 0;
}

/// A guest physical address, in bytes.
struct Gpa {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Gpa, Gpa) = default;
  friend constexpr Gpa operator+(Gpa a, std::uint64_t bytes) { return {a.value + bytes}; }
  friend constexpr std::uint64_t operator-(Gpa a, Gpa b) { return a.value - b.value; }
};

/// A guest's page number: a guest physical address without its offset in the page.
struct Gfn {
  std::uint64_t value = 0;

  [[nodiscard]] constexpr Gpa gpa() const { return {value << page_shift}; }
  friend constexpr auto operator<=>(Gfn, Gfn) = default;
  friend constexpr Gfn operator+(Gfn a, PageCount n) { return {a.value + n.value}; }
  friend constexpr PageCount operator-(Gfn a, Gfn b) { return {a.value - b.value}; }
  constexpr Gfn& operator++() { return ++value, *this; }
};

/// Whether `count` numbers from `first` on are all below `end`, and there is one at `first`. Says so without
/// a sum, which could wrap around.
constexpr bool lies_below(std::uint32_t first, std::uint32_t count, std::uint32_t end) {
  return first < end && count <= end - first;
}

/// A page of a guest's RAM by its ordinal: the ranges of RAM one after the other, holes left out.
struct PageIndex {
  std::uint32_t value = 0;

  friend constexpr auto operator<=>(PageIndex, PageIndex) = default;
  friend constexpr PageIndex operator+(PageIndex a, std::uint32_t n) { return {a.value + n}; }
  friend constexpr PageIndex operator-(PageIndex a, std::uint32_t n) { return {a.value - n}; }
  friend constexpr std::uint32_t operator-(PageIndex a, PageIndex b) { return a.value - b.value; }
  constexpr PageIndex& operator++() { return ++value, *this; }
  /// An index is the iterator of a PageRange, too.
  constexpr PageIndex operator*() const { return *this; }
};

/// A half-open range of page indexes: `for (const PageIndex page : range)` visits each.
struct PageRange {
  PageIndex first;
  std::uint32_t count = 0;

  [[nodiscard]] constexpr PageIndex begin() const { return first; }
  [[nodiscard]] constexpr PageIndex end() const { return first + count; }
  [[nodiscard]] constexpr bool empty() const { return count == 0; }
  [[nodiscard]] constexpr bool contains(PageIndex page) const { return first <= page && page < end(); }
  /// Takes the first `most` pages off the range, or all that there are.
  constexpr PageRange take_front(std::uint32_t most) {
    const PageRange front{first, most < count ? most : count};
    first = front.end();
    count -= front.count;
    return front;
  }
  friend constexpr bool operator==(const PageRange&, const PageRange&) = default;
};
/// The pages from `first` up to, but not including, `end`.
constexpr PageRange pages_between(PageIndex first, PageIndex end) {
  return {first, end - first};
}

/// A pointer of this process as the number that the kernel knows it by.
inline std::uint64_t address_of(const std::byte* pointer) {
  // SAFETY: the number is never made a pointer again.
  return reinterpret_cast<std::uint64_t>(pointer);
}

/// The page that holds an address.
constexpr Gfn gfn_of(Gpa gpa) {
  return {gpa.value >> page_shift};
}

/// The number of a frame: a slot of a frame store. Two stores number their frames independently.
struct FrameId {
  std::uint32_t value = 0;

  [[nodiscard]] constexpr std::uint64_t offset() const { return std::uint64_t{value} << page_shift; }
  friend constexpr auto operator<=>(FrameId, FrameId) = default;
  friend constexpr FrameId operator+(FrameId a, std::uint32_t n) { return {a.value + n}; }
};

/// The frame at a byte offset of its store.
constexpr FrameId frame_at(std::uint64_t offset) {
  return {static_cast<std::uint32_t>(offset >> page_shift)};
}

/// A half-open range of guest pages.
struct GfnRange {
  Gfn first;
  PageCount pages;

  [[nodiscard]] constexpr Gfn end() const { return first + pages; }
  [[nodiscard]] constexpr bool contains(Gfn gfn) const { return first <= gfn && gfn < end(); }
  friend constexpr bool operator==(const GfnRange&, const GfnRange&) = default;
};

}  // namespace samepage
