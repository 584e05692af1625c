// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/cpu_budget.hpp"

#include <algorithm>
#include <utility>

namespace samepage::dedup {
namespace {

using std::chrono::milliseconds;

// Long enough that asking for it costs nothing beside it, short enough for many to have theirs.
constexpr milliseconds shortest_turn{2}, longest_turn{20};

}  // namespace

CpuBudget::CpuBudget(unsigned processors, std::uint32_t percent, Clock::time_point now, Cpu own)
    : processors_(std::max(processors, 1U)),
      percent_(percent),
      now_(now),
      credit_(share_of(saved)),
      own_(own) {}

CpuBudget::Cpu CpuBudget::turn() const {
  return std::clamp<Cpu>(share_of(saved) / 8, shortest_turn, longest_turn);
}

void CpuBudget::set_percent(std::uint32_t percent, Clock::time_point now) {
  advance(now);
  if (!bounded() || percent >= 100) forgive();  // what was used without a bound
  percent_ = percent;
  credit_ = std::min(credit_, share_of(saved));
}

void CpuBudget::forgive() {
  credit_ = own_debt_ = {};
  for (auto& [number, guest] : guests_) guest.turn = guest.debt = {};
  for (auto& [uid, user] : users_) user.debt = {};
}

void CpuBudget::join(std::uint64_t guest, uid_t user, Cpu before, Clock::time_point now) {
  leave(guest);
  guests_.emplace(guest, Guest{.user = user, .start = now, .before = before, .told = before});
}

void CpuBudget::leave(std::uint64_t guest) {
  const auto gone = guests_.find(guest);
  if (gone == guests_.end()) return;
  User& user = users_[gone->second.user];
  std::erase(user.queue, guest);
  user.debt = std::min(user.debt + gone->second.debt, most_debt());
  if (user.queue.empty() && user.debt <= Cpu{}) users_.erase(gone->second.user);
  guests_.erase(gone);
}

void CpuBudget::has_used(std::uint64_t number, Cpu all, Clock::time_point now) {
  const auto found = guests_.find(number);
  if (found == guests_.end()) return;
  Guest& guest = found->second;
  const Cpu possible = std::min<Cpu>(all, guest.before + (now - guest.start));
  const Cpu used = std::max(possible - guest.told, Cpu{});
  guest.told += used;
  if (!bounded()) return;
  const Cpu in_turn = std::min(used, guest.turn);
  guest.turn -= in_turn;
  guest.debt = std::min(guest.debt + (used - in_turn), most_debt());
  if (guest.debt > Cpu{}) queue(number, guest);
}

void CpuBudget::wants_turn(std::uint64_t number, bool wants) {
  const auto found = guests_.find(number);
  if (found == guests_.end()) return;
  Guest& guest = found->second;
  credit_ = std::min(credit_ + std::exchange(guest.turn, {}), share_of(saved));
  guest.at_work_until = {};
  guest.wants = wants;
  if (wants) queue(number, guest);
}

void CpuBudget::queue(std::uint64_t number, Guest& guest) {
  if (!std::exchange(guest.queued, true)) users_[guest.user].queue.push_back(number);
}

// The daemon's own part is paid out of what comes in, at most half of it, and out of what nobody can save.
void CpuBudget::advance(Clock::time_point now) {
  const Cpu income = share_of(std::max(now, now_) - now_);
  now_ = std::max(now, now_);
  const Cpu paid = std::min(own_debt_, income / 2);
  own_debt_ -= paid;
  credit_ += income - paid;
  const Cpu lost = std::max(credit_ - share_of(saved), Cpu{});
  credit_ -= lost;
  own_debt_ -= std::min(own_debt_, lost);
}

std::size_t CpuBudget::most_at_work() const {
  const std::size_t needed = (std::size_t{processors_} * percent_ + 99) / 100;
  return std::max<std::size_t>({processors_ - 1, needed, 1});
}

std::size_t CpuBudget::at_work() const {
  return static_cast<std::size_t>(std::count_if(
      guests_.begin(), guests_.end(), [&](const auto& entry) { return entry.second.at_work_until > now_; }));
}

bool CpuBudget::may_give_turn() const {
  return !bounded() || (credit_ >= turn() && at_work() < most_at_work());
}

std::vector<CpuBudget::Turn> CpuBudget::next_turns(Clock::time_point now, Cpu own) {
  own_debt_ = std::min(own_debt_ + std::max(own - own_, Cpu{}), most_debt());
  own_ = std::max(own_, own);
  advance(now);
  std::vector<Turn> turns;
  while (!users_.empty() && may_give_turn()) {
    auto user = users_.upper_bound(last_);
    if (user == users_.end()) user = users_.begin();
    last_ = user->first;
    if (const auto turn = serve(user->second)) turns.push_back(*turn);
    if (user->second.queue.empty() && user->second.debt <= Cpu{}) users_.erase(user);
  }
  return turns;
}

void CpuBudget::pay(Cpu& debt) {
  const Cpu paid = std::min(debt, turn());
  debt -= paid;
  credit_ -= paid;
}

// One turn's worth: of a debt, or for the guest that has waited longest. A small debt is taken out of its
// turn.
std::optional<CpuBudget::Turn> CpuBudget::serve(User& user) {
  if (user.debt > Cpu{}) {
    pay(user.debt);
    return {};
  }
  const std::uint64_t number = user.queue.front();
  user.queue.pop_front();
  Guest& guest = guests_.at(number);
  guest.queued = false;
  Cpu time = turn();
  if (guest.debt > Cpu{}) {
    const bool small = guest.debt < time / 2;
    if (small) time -= guest.debt;
    pay(guest.debt);
    if (!small || !guest.wants) {
      if (guest.debt > Cpu{} || guest.wants) queue(number, guest);
      return {};
    }
  }
  if (!std::exchange(guest.wants, false)) return {};
  if (bounded()) {
    guest.turn = time;
    guest.at_work_until = now_ + patience;
    credit_ -= time;
  }
  return Turn{number, time};
}

std::optional<CpuBudget::Clock::time_point> CpuBudget::next_time() const {
  if (users_.empty() || !bounded()) return {};
  if (credit_ >= turn()) {  // one of those at work is waited for
    Clock::time_point soonest = now_ + patience;
    for (const auto& [number, guest] : guests_) {
      if (guest.at_work_until > now_) soonest = std::min(soonest, guest.at_work_until);
    }
    return soonest;
  }
  // It takes up to twice as long while the daemon pays what it owes: then there is another look.
  const Cpu missing = turn() - credit_;
  return now_ + missing * 100 / (std::int64_t{percent_} * processors_) + milliseconds(1);
}

std::size_t CpuBudget::waiting() const {
  return static_cast<std::size_t>(
      std::count_if(guests_.begin(), guests_.end(), [](const auto& entry) { return entry.second.wants; }));
}

}  // namespace samepage::dedup
