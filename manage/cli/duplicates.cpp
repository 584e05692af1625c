// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/duplicates.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/types.hpp"

namespace samepage::cli {
namespace {

constexpr std::array<std::byte, page_size> zeros{};

int compare(const std::byte* a, const std::byte* b) {
  return std::memcmp(a, b, page_size);
}

}  // namespace

DuplicateCount count_duplicates(std::vector<const std::byte*> pages) {
  const auto nonzero = std::partition(pages.begin(), pages.end(),
                                      [](const std::byte* page) { return compare(page, zeros.data()) == 0; });
  std::sort(nonzero, pages.end(), [](const std::byte* a, const std::byte* b) { return compare(a, b) < 0; });
  DuplicateCount count;
  count.zero_pages = static_cast<std::uint64_t>(nonzero - pages.begin());
  count.nonzero_pages = static_cast<std::uint64_t>(pages.end() - nonzero);
  const auto end = std::unique(nonzero, pages.end(),
                               [](const std::byte* a, const std::byte* b) { return compare(a, b) == 0; });
  count.distinct_nonzero = static_cast<std::uint64_t>(end - nonzero);
  return count;
}

}  // namespace samepage::cli
