// SPDX-License-Identifier: Apache-2.0
// Frame stores of daemons that were lost, while pages are mapped from them. Nobody reaps their frames any
// more: one page that is still mapped keeps all of a store in memory, which is a cost that nobody else can
// see. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/guest_mappings.hpp"

namespace samepage::dedup {

class LostStores {
 public:
  void add(UniqueFd store) { stores_.push_back(std::move(store)); }
  [[nodiscard]] bool empty() const { return stores_.empty(); }
  /// Lets go of the stores that none of `mappings` is one of, and tells what the others hold.
  std::vector<StoreFigure> look(const GuestPages& pages, const Pagemap& pagemap,
                                std::span<const StoreMapping> mappings);

 private:
  std::vector<UniqueFd> stores_;
};

}  // namespace samepage::dedup
