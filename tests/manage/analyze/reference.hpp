// SPDX-License-Identifier: Apache-2.0
// The figures of an analysis, counted the plain way: pages as bytes in maps, no hash, one loop a figure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "manage/analyze/figures.hpp"
#include "manage/analyze/page_sink.hpp"

namespace samepage::analyze::test {

using Page = std::vector<std::byte>;

/// What a file has at one place.
struct Item {
  enum class Kind { page, hole, gap } kind = Kind::page;
  Page bytes;             // of a page
  std::size_t pages = 1;  // of a hole
};
using Items = std::vector<Item>;

Figures reference_figures(const std::vector<Items>& files);

/// Hands a file over in pieces of up to `piece` pages.
void add_items(PageSink& sink, const Items& file, std::size_t piece);

/// All figures as text, so that a test that fails shows which one is wrong.
std::vector<std::string> lines_of(const Figures& figures);

}  // namespace samepage::analyze::test
