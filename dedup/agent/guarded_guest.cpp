// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guarded_guest.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dedup/agent/memory_pace.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

// What a guest that takes memory takes at least: so much a second; or in all, within a while, and it has just
// taken more. An idle guest's timers take a few pages.
constexpr double fast = 4 << 20U;
constexpr std::uint64_t much = std::uint64_t{512} << 10U;
constexpr milliseconds a_while{2000};
constexpr milliseconds soonest{5}, latest{1000}, while_still{100};
// What a guest has written lately is what it writes.
constexpr Seconds memory_of_rate{0.1};
// So long a guest waits for the word to go on, though there is plenty: the daemon hangs.
constexpr milliseconds patience{5000};

}  // namespace

void GuardedGuest::measure(const Look& look) {
  if (!looked_) last_ = look;
  if (!std::exchange(looked_, true)) begin_while(look);
  const std::uint64_t grown = look.own - std::min(look.own, last_.own);
  const double passed = Seconds(look.now - last_.now).count();
  if (!stands_ && passed > 0) {
    const double weight = 1 - std::exp(-passed / memory_of_rate.count());
    rate_ += weight * (static_cast<double>(grown) / passed - rate_);
  }
  least_own_ = std::min(least_own_, look.own);
  takes_ = !stands_ && (rate_ >= fast || (grown > 0 && look.own - least_own_ >= much));
  if (look.now - while_began_ >= a_while) begin_while(look);
  const bool was_scarce = std::exchange(scarce_, look.available < GuardMarks{look.low}.plenty());
  if (was_scarce) plenty_since_ = look.now;
  last_ = look;
}

void GuardedGuest::begin_while(const Look& look) {
  least_own_ = look.own;
  while_began_ = look.now;
}

void GuardedGuest::look(const Look& look) {
  measure(look);
  if (!look.guarded) {
    stands_ = false;
  } else if (!stands_) {
    stands_ = must_stand();
  } else if (may_go_on()) {
    stands_ = false;
    rate_ = 0;
    begin_while(look);
  }
  order_ = wire::GuardOrder::none;
}

bool GuardedGuest::must_stand() const {
  if (!takes_) return false;
  return last_.available < GuardMarks{last_.low}.stop() ||
         (order_ == wire::GuardOrder::stand && last_.available < last_.low);
}

// Guests that nobody tells go on when there is plenty, and not all at once: those that write fast wait for
// longer.
bool GuardedGuest::may_go_on() {
  if (order_ == wire::GuardOrder::go) return true;
  const auto mib_a_second = static_cast<std::int64_t>(rate_ / (1U << 20U));
  const milliseconds wait =
      last_.is_heard ? patience : std::min(patience, milliseconds(100 + 10 * mib_a_second));
  return last_.available >= GuardMarks{last_.low}.plenty() && last_.now - plenty_since_ >= wait;
}

std::optional<wire::Room> GuardedGuest::told() {
  if (!scarce_ && !stands_ && !told_scarce_) return std::nullopt;
  const bool changed = stands_ != told_stands_ || scarce_ != told_scarce_;
  if (!changed && last_.now - told_at_ < soonest) return std::nullopt;
  told_at_ = last_.now;
  told_scarce_ = scarce_;
  told_stands_ = stands_;
  wire::Room room{.available = last_.available,
                  .low = last_.low,
                  .place = last_.place,
                  .rate = static_cast<std::uint64_t>(rate_)};
  room.taking = stands_ ? wire::Taking::stands : takes_ ? wire::Taking::more : wire::Taking::nothing;
  return room;
}

milliseconds GuardedGuest::look_again() const {
  if (stands_) return while_still;
  const std::uint64_t stop = GuardMarks{last_.low}.stop();
  const std::uint64_t left = last_.available > stop ? last_.available - stop : last_.available / 2;
  return std::clamp(milliseconds(left / written_a_ms), takes_ ? soonest : 2 * soonest, latest);
}

}  // namespace samepage::dedup
