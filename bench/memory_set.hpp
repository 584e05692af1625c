// SPDX-License-Identifier: Apache-2.0
// What there is to merge in the memory of all guests of a measurement together, and in which runs: a figure
// of merging says nothing without it. The words are those of `samepage analyze`. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dedup/page_hash.hpp"

namespace samepage::bench {

/// Of one page: nothing where it is zero.
using PageName = std::optional<dedup::WideHash>;
/// Of each page of a guest, in order.
using PageNames = std::vector<PageName>;

/// Neighbouring pages of one guest that are zero, or whose contents are neighbours among the frames, too:
/// what one call can give back, or one mapping can share.
struct SetRun {
  std::uint64_t page = 0;
  std::uint64_t count = 0;
  std::optional<std::uint64_t> frame;  // of the first page; empty: zero pages
};

struct SetFigures {
  std::uint64_t guests = 0;
  std::uint64_t pages = 0;
  std::uint64_t zero_pages = 0;
  std::uint64_t shared_pages = 0;  // not zero, and their content occurs more than once
  std::uint64_t frames = 0;        // distinct contents among them
  std::uint64_t unique_pages = 0;
  std::uint64_t runs = 0;  // of shared pages

  /// Pages that need no memory of their own.
  [[nodiscard]] std::uint64_t saved_pages() const { return zero_pages + shared_pages - frames; }
};

struct MemorySet {
  SetFigures figures;
  std::vector<std::vector<SetRun>> guests;  // what there is to merge, in order; unique pages are left out
};

/// Frames are numbered in the order in which their contents first occur, guest by guest.
MemorySet memory_set_of(std::span<const PageNames> guests);

/// A paragraph, without its last newline.
std::string text_of(const SetFigures& figures);
nlohmann::json json_of(const SetFigures& figures);

}  // namespace samepage::bench
