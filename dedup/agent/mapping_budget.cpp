// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/mapping_budget.hpp"

#include <algorithm>

namespace samepage::dedup {
namespace {

constexpr std::uint64_t mappings_of_a_run = 2;  // in the middle of another mapping

}  // namespace

bool MappingBudget::affords(std::uint64_t mappings) {
  if (used_ + mappings < limit_) return true;
  counted(count_());
  return used_ + mappings < limit_;
}

std::vector<wire::Grant> MappingBudget::split_off_excess(std::vector<wire::Grant>& grants) {
  if (affords(mappings_of_a_run * grants.size())) return {};
  const std::uint64_t left = used_ < limit_ ? (limit_ - used_) / mappings_of_a_run : 0;
  const std::size_t kept = std::min<std::size_t>(grants.size(), left);
  std::stable_sort(grants.begin(), grants.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  std::vector<wire::Grant> excess(grants.begin() + static_cast<std::ptrdiff_t>(kept), grants.end());
  grants.resize(kept);
  std::sort(grants.begin(), grants.end(), wire::by_page);
  return excess;
}

std::uint64_t MappingBudget::drop_unaffordable(
    std::vector<PageRange>& pieces, const std::function<std::uint64_t(const PageRange&)>& runs_on_store) {
  std::uint64_t wanted = 0;
  for (const PageRange& piece : pieces) wanted += mappings_of_a_run * runs_on_store(piece);
  if (wanted == 0) return 0;
  if (!affords(wanted)) {
    std::erase_if(pieces, [&](const PageRange& piece) { return runs_on_store(piece) > 0; });
    changed_ = true;  // somebody looks for mappings to be taken back
    return 0;
  }
  spend(wanted);
  return wanted;
}

}  // namespace samepage::dedup
