// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/break_guard.hpp"

#include <algorithm>

#include "dedup/guard_marks.hpp"

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;
using wire::GuardOrder;
using wire::Taking;

// An agent that has told nothing for so long has found plenty of memory, or hangs.
constexpr milliseconds silence{1500};
// A guest that goes on shows by then how much it takes.
constexpr milliseconds to_stand{20}, to_go{100};

}  // namespace

std::vector<BreakGuard::Order> BreakGuard::tells(std::uint64_t guest, const wire::Room& room,
                                                 std::uint64_t may_take, Clock::time_point now) {
  Guest& teller = guests_[guest];
  teller.room = room;
  teller.may_take = may_take;
  teller.told = now;
  std::vector<Order> orders = decide(room, now);
  for (const Order& order : orders) {
    if (order.order == GuardOrder::go) guests_[order.guest].went = now;
  }
  if (!orders.empty()) ordered_[room.place] = now;
  std::erase_if(ordered_, [&](const auto& entry) { return now - entry.second > silence; });
  return orders;
}

std::vector<BreakGuard::Order> BreakGuard::decide(const wire::Room& room, Clock::time_point now) {
  const GuardMarks marks{room.low};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taking, standing;  // how fast, who
  bool somebody_goes = false;
  std::uint64_t may_be_taken = 0;
  for (const auto& [number, guest] : guests_) {
    if (guest.room.place != room.place || now - guest.told > silence) continue;
    // On a busy host it takes a while until one that was told to go on does, and takes memory.
    const bool is_told_to_go = guest.went >= guest.told;
    if (guest.room.taking == Taking::more) taking.emplace_back(guest.room.rate, number);
    if (guest.room.taking == Taking::stands && !is_told_to_go) standing.emplace_back(guest.room.rate, number);
    const bool just_went = guest.room.taking == Taking::nothing && now - guest.went <= silence;
    if (guest.room.taking != Taking::more && !is_told_to_go && !just_went) continue;
    somebody_goes = true;
    may_be_taken += guest.may_take;
  }
  const auto last = ordered_.find(room.place);
  const auto since = last == ordered_.end() ? silence : now - last->second;
  if (room.available < marks.low && taking.size() > 1 && since >= to_stand)
    return {{std::max_element(taking.begin(), taking.end())->second, GuardOrder::stand}};
  const bool room_for_one =
      room.available >= marks.plenty() + may_be_taken || (!somebody_goes && room.available >= marks.again());
  if (room_for_one && !standing.empty() && since >= to_go)
    return {{std::min_element(standing.begin(), standing.end())->second, GuardOrder::go}};
  return {};
}

}  // namespace samepage::dedup
