// SPDX-License-Identifier: Apache-2.0
// Which frames of the store the guest does not use, asked for while memory is short. Nobody tells an agent of
// reads. But a frame that was just mapped has no entry in the page table until somebody uses the page, or one
// of its fifteen neighbours, which the kernel enters with it. So a look finds what was used since the last
// one, and has that mapped once more: what is still without an entry at the next look was not used in
// between. Nothing is looked at while nobody asks.
//
// What is said to be cold stands until it is said not to be: for a guest that stands still, until it goes on;
// otherwise for a while. Decides, and reads page tables; the agent's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "dedup/agent/coldness.hpp"
#include "dedup/agent/guest_pages.hpp"
#include "dedup/agent/page_states.hpp"

namespace samepage::dedup {

class ColdFrames {
 public:
  using Clock = std::chrono::steady_clock;
  /// Between two looks, at least. Twice as long after each look that finds no more than the one before: what
  /// is used is mapped once more each time, and costs the guest faults.
  static constexpr std::chrono::milliseconds interval{1000}, longest_interval{64'000};
  /// Looks for one demand.
  static constexpr unsigned looks = 3;
  /// How long what was found stands after the last demand.
  static constexpr std::chrono::seconds lasting{30};

  /// All must outlive it.
  ColdFrames(const GuestPages& pages, const PageStates& states, const Pagemap& pagemap,
             const Coldness& coldness)
      : pages_(pages), states_(states), pagemap_(pagemap), coldness_(coldness) {}

  enum class Which : std::uint8_t {
    unused,  // by the page tables, and not what came back lately
    all,
  };
  /// Up to so many pages are wanted.
  void want(std::uint64_t pages, Which which, Clock::time_point now);
  /// They are not any more.
  void not_wanted(Clock::time_point now) { wanted_until_ = now; }
  /// The guest stands still from now on: it uses nothing. Or it goes on.
  void stands_still() { still_ = true; }
  void goes_on(Clock::time_point now);
  /// A daemon was joined, which knows nothing of what was said before.
  void joined(Clock::time_point now);

  struct Step {
    std::vector<PageRange> cold;  // that the daemon is to hear of
    std::vector<PageRange> used;  // frames to be mapped once more
    bool warm = false;            // nothing that was said before holds any more
  };
  /// What is to be done now.
  [[nodiscard]] Step next(Clock::time_point now);
  /// When there is something.
  [[nodiscard]] std::optional<Clock::time_point> due() const;

 private:
  void look(Step& step);

  const GuestPages& pages_;
  const PageStates& states_;
  const Pagemap& pagemap_;
  const Coldness& coldness_;
  Which which_ = Which::unused;
  std::uint64_t most_ = 0;
  bool still_ = false;
  bool said_ = false;        // something that may still stand
  unsigned looks_ = 0;       // that are still to be made
  bool mapped_ = false;      // at a look before: the page tables tell what was used since
  std::uint64_t found_ = 0;  // cold pages, by the last look
  std::chrono::milliseconds interval_ = interval;
  Clock::time_point last_look_;
  Clock::time_point next_look_;
  Clock::time_point wanted_until_;
};

}  // namespace samepage::dedup
