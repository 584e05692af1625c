// SPDX-License-Identifier: Apache-2.0
// Keeps the mappings of frame stores worth what they cost: counts them, takes those back that save next to
// nothing when mappings are scarce, and leaves the stores of lost daemons within a few passes. Nobody reaps a
// lost store's frames any more: one page that is still mapped keeps all of it in memory.
//
// The agent's thread; any thread may ask for lost().
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/pagemap.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/bulk_remapper.hpp"
#include "dedup/agent/guest_mappings.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/lost_stores.hpp"
#include "dedup/agent/mapping_budget.hpp"
#include "dedup/agent/mapping_shortage.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/agent/tracker.hpp"

namespace samepage::dedup {

class StoreUpkeep {
 public:
  /// All must outlive it.
  StoreUpkeep(const GuestPages& pages, PageStates& states, Tracker& tracker, const Pagemap& pagemap,
              MappingBudget& budget, MappingShortage& shortage, BulkRemapper& remapper);

  /// The daemon of `store` was lost. Until it is known whether it is dead, its store counts as one of a dead
  /// one. Throws std::system_error.
  void daemon_lost(const UniqueFd& store);
  /// It will not come back; another one has the store `current`. What is mapped from the former store is
  /// offered like any other memory, and frames of the new store are mapped over it.
  void leave(UniqueFd former, int current);
  /// A daemon was joined: what is mapped from lost stores is offered to it in the next pass.
  void joined();

  /// What the guest goes on from: mappings of that file are no store's.
  void add_backing(std::uint64_t device, std::uint64_t inode);
  /// The same for every file that is mapped now.
  void add_mapped_backings();

  /// The mappings that merging has added, by the kernel's list.
  [[nodiscard]] std::uint64_t count_mappings() { return list().added; }
  /// After a pass: counts, and lets go of mappings that are not worth their cost. `found`: the pass found
  /// something; `passes`: with this daemon, so far. Returns the references that went.
  [[nodiscard]] std::vector<PageRange> tidy(bool found, unsigned passes, int current_store);

  /// What lost stores hold.
  [[nodiscard]] std::vector<StoreFigure> lost() const;

 private:
  struct Listed {
    std::uint64_t added = 0;  // mappings, to one for each region
    std::vector<StoreMapping> of_stores;
  };
  Listed list();
  void retry_unaffordable();

  const GuestPages& pages_;
  PageStates& states_;
  Tracker& tracker_;
  const Pagemap& pagemap_;
  MappingBudget& budget_;
  MappingShortage& shortage_;
  BulkRemapper& remapper_;
  LostStores lost_stores_;
  struct File {
    std::uint64_t device = 0, inode = 0;
    friend bool operator==(const File&, const File&) = default;
  };
  std::vector<File> backings_;
  std::chrono::steady_clock::time_point counted_;
  mutable std::mutex lock_;
  std::vector<StoreFigure> figures_;
};

}  // namespace samepage::dedup
