// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/unmerge_policy.hpp"

namespace samepage::dedup {
namespace {

// A run with fewer pages merged than one in so many is mostly broken.
constexpr std::uint32_t mostly_broken = 8;
// Pages of lost stores that are copied in one go: others may be about to offer the same pages.
constexpr std::uint64_t left_at_once = 16384;

}  // namespace

std::vector<PageRange> not_worth_a_mapping(std::span<const StoreMapping> mappings, const PageStates& states,
                                           const UnmergeReasons& reasons) {
  std::vector<PageRange> runs;
  if (!reasons.mappings_scarce && !reasons.settled) return runs;
  std::uint64_t left = 0;  // pages of lost stores
  for (const StoreMapping& mapping : mappings) {
    const PageRange& pages = mapping.pages;
    if (reasons.settled && mapping.inode != reasons.current_store && left < left_at_once) {
      left += pages.count;
      runs.push_back(pages);
    } else if (reasons.mappings_scarce &&
               states.count_in(pages, PageStates::State::merged) * mostly_broken <= pages.count) {
      runs.push_back(pages);
    }
  }
  return runs;
}

}  // namespace samepage::dedup
