// SPDX-License-Identifier: Apache-2.0
// How many mappings merging may add to the process, and who gets them when they are scarce. A mapping in the
// middle of another one makes two more. The kernel bounds how many a process may have (vm.max_map_count), and
// a guest could take all of them by writing, zeroing or giving up every other page.
//
// What is used is estimated from above between two counts: counting costs as much as making some. Pure but
// for `limit` and `count`; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/types.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class MappingBudget {
 public:
  /// `limit` tells how many there may be, `count` counts the mappings that merging has added up to now.
  MappingBudget(std::function<std::uint64_t()> limit, std::function<std::uint64_t()> count)
      : tell_limit_(std::move(limit)), limit_(tell_limit_()), count_(std::move(count)) {}

  /// The limit may have changed.
  void look_at_limit() { limit_ = tell_limit_(); }

  /// Those in use, at most.
  [[nodiscard]] std::uint64_t used() const { return used_; }
  /// Mappings were made or went.
  void spend(std::uint64_t mappings) {
    used_ += mappings;
    changed_ = true;
  }
  /// Since they were counted.
  [[nodiscard]] bool changed() const { return changed_; }
  void counted(std::uint64_t mappings) {
    used_ = mappings;
    changed_ = false;
  }
  /// Three quarters are in use: mappings that save next to nothing are worth taking back.
  [[nodiscard]] bool scarce() const { return used_ >= limit_ / 4 * 3; }
  /// Whether so many more are to be had; counts when the estimate says no.
  [[nodiscard]] bool affords(std::uint64_t mappings);

  /// Leaves in `grants` those that there are mappings for: the longest, which save the most for what they
  /// cost, in the order of their pages. Returns the others.
  [[nodiscard]] std::vector<wire::Grant> split_off_excess(std::vector<wire::Grant>& grants);
  /// `pieces` are about to get anonymous memory where they lie in a mapping of a store; `runs_on_store` tells
  /// how many parts of a piece do. When there are no mappings for that, those pieces are dropped from the
  /// list. Returns what was spent: 0 when no mappings will be replaced, but only the memory behind them.
  [[nodiscard]] std::uint64_t drop_unaffordable(
      std::vector<PageRange>& pieces, const std::function<std::uint64_t(const PageRange&)>& runs_on_store);

 private:
  std::function<std::uint64_t()> tell_limit_;
  std::uint64_t limit_;
  std::function<std::uint64_t()> count_;
  std::uint64_t used_ = 0;
  bool changed_ = false;
};

}  // namespace samepage::dedup
