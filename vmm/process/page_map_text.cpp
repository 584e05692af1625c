// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/page_map_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace samepage::vmm {
namespace {

struct Row {
  GfnRange range;
  std::string_view state;
  std::string_view rights;
  FrameId frame;
};

Row row_of(const dedup::PageMapRun& run) {
  switch (run.state) {
    case dedup::PageState::own:
      return {run.range, "own", "rw", {}};
    case dedup::PageState::swapped:
      return {run.range, "swapped", "rw", {}};
    case dedup::PageState::frame:
      return {run.range, "frame", "r-", run.first_frame};
    case dedup::PageState::backed:
      return {run.range, "backed", "r-", {}};
    case dedup::PageState::paged:
      return {run.range, "paged", "r-", {}};
    case dedup::PageState::paged_in:
      return {run.range, "paged-in", "r-", {}};
    case dedup::PageState::zero:
      return {run.range, "zero", "r-", {}};
    case dedup::PageState::untouched:
      break;
  }
  return {run.range, "untouched", "rw", {}};
}

}  // namespace

std::string page_map_text(std::span<const dedup::PageMapRun> map, std::span<const GfnRange> roms) {
  std::vector<Row> rows;
  rows.reserve(map.size() + roms.size());
  std::transform(map.begin(), map.end(), std::back_inserter(rows), row_of);
  for (const GfnRange& rom : roms) rows.push_back({rom, "rom", "r-", {}});
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.range.first < b.range.first; });
  std::string text = "[";
  for (const Row& row : rows) {
    fmt::format_to(std::back_inserter(text), R"({}{{"gfn":{},"pages":{},"state":"{}","rights":"{}")",
                   text.size() > 1 ? "," : "", row.range.first.value, row.range.pages.value, row.state,
                   row.rights);
    if (row.state == "frame") fmt::format_to(std::back_inserter(text), R"(,"frame":{})", row.frame.value);
    text += '}';
  }
  return text + "]";
}

}  // namespace samepage::vmm
