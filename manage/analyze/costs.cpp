// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/costs.hpp"

#include <algorithm>

#include "base/types.hpp"
#include "manage/analyze/count.hpp"

namespace samepage::analyze {
namespace {

// Samepage's, as docs/performance.md and docs/design.md have them: agent and daemon, 15.1 bytes a page; a
// mapping (struct vm_area_struct and its share of the maple tree).
constexpr std::uint64_t tenths_of_a_byte_a_page = 151;
constexpr std::uint64_t bytes_a_mapping = 256;
constexpr std::uint64_t mappings_of_a_run = 2;  // in the middle of another mapping

// Linux: struct ksm_rmap_item for each page that ksmd looks at, struct ksm_stable_node for each copy, and one
// more for a content with several copies. Both take 64 bytes on x86-64.
constexpr std::uint64_t ksm_item_bytes = 64;
constexpr std::uint64_t ksm_node_bytes = 64;

std::uint64_t difference(std::uint64_t a, std::uint64_t b) {
  return a - std::min(a, b);
}

}  // namespace

Costs costs_of(const Figures& figures, std::uint64_t mappings_for_merging) {
  Costs costs;
  const PageFigures& pages = figures.pages;
  std::uint64_t made = 0;
  for (const FileFigures& file : figures.files) {
    costs.mappings += file.mappings;
    costs.most_mappings = std::max(costs.most_mappings, file.mappings);
    if (file.mappings <= mappings_for_merging) {
      made += difference(file.mappings, 1);  // one there would be without merging
      continue;
    }
    ++costs.guests_over_limit;
    costs.unmapped_pages += file.mapped_runs.pages_beyond(mappings_for_merging / mappings_of_a_run);
    made += mappings_for_merging;
  }
  const std::uint64_t merged = pages.shared_pages - costs.unmapped_pages;
  costs.samepage.saved_bytes =
      PageCount{pages.zero_pages + difference(merged, pages.frames + figures.dup_frames)}.bytes();
  costs.samepage.overhead_bytes = pages.pages * tenths_of_a_byte_a_page / 10 + made * bytes_a_mapping;

  const std::uint64_t zero_copies = (pages.zero_pages + ksm_sharing - 1) / ksm_sharing;
  costs.ksmd.saved_bytes =
      PageCount{difference(pages.zero_pages + pages.shared_pages, zero_copies + figures.ksm_frames)}.bytes();
  const std::uint64_t nodes =
      figures.ksm_frames + figures.ksm_chains + zero_copies + (zero_copies > 1 ? 1 : 0);
  costs.ksmd.overhead_bytes = pages.pages * ksm_item_bytes + nodes * ksm_node_bytes;
  return costs;
}

}  // namespace samepage::analyze
