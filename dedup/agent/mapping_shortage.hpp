// SPDX-License-Identifier: Apache-2.0
// What becomes of merging while the kernel gives the guest's process no more mappings, or while the budget
// has none. Pages that were granted a frame wait (PageStates: unaffordable). After a refusal of the kernel
// none is asked for until the pause is over; then one try shows whether all can go on. The shortage is over
// when no page has waited for some passes, as long as a page needs from being offered once more to being
// merged, and the kernel gives mappings again: what waited may have nobody to share with meanwhile.
//
// The agent's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "dedup/shortage.hpp"

namespace samepage::dedup {

class MappingShortage {
 public:
  /// Must outlive it.
  explicit MappingShortage(Shortages& shortages) : shortages_(shortages) {}

  /// Pages were granted frames, and the budget has no mappings for them.
  void out_of_budget() { note(Resource::mappings, "the guest's process has as many as merging may use"); }
  /// mmap() has failed with `error`.
  void refused(int error);
  /// mmap() has worked.
  void mapped() { refused_ = false; }
  /// Whether mappings are not even to be asked for.
  [[nodiscard]] bool closed() const {
    return refused_ && !shortages_.may_try(*what_, Shortages::Clock::now());
  }
  /// A pass has ended, and so many pages wait.
  void end_of_pass(std::uint64_t waiting);
  /// What merging lacks.
  [[nodiscard]] std::optional<Resource> what() const { return what_; }

 private:
  void note(Resource what, const char* why);

  Shortages& shortages_;
  std::optional<Resource> what_;
  bool refused_ = false;  // by the kernel, and nothing was mapped since
  unsigned passes_without_ = 0;
};

}  // namespace samepage::dedup
