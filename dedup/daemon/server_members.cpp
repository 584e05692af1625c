// SPDX-License-Identifier: Apache-2.0
// Guests as members: when they join and go, whose turn it is to use the processor, and what is promised to
// them of the host's memory.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/cpu_time.hpp"
#include "base/process_memory.hpp"
#include "base/types.hpp"
#include "dedup/daemon/server.hpp"

namespace samepage::dedup {

SessionHost::Membership Server::join(Session& session, GuestLink& link, const wire::Hello& hello) {
  auto given = pending_pidfds_.extract(&session);
  UniqueFd pidfd = given ? std::move(given.mapped()) : UniqueFd();
  Membership membership = memberships_.join(session, link, hello, std::move(pidfd));
  membership.knobs = config_.knobs.current;
  membership.ends_when_idle = config_.exit_when_idle.has_value();
  membership.guarded = config_.knobs.current.break_guard != 0;
  const Guest* const guest = memberships_.guests().find(membership.number);
  cpu_budget_.join(membership.number, session.peer().uid,
                   std::chrono::microseconds(guest == nullptr ? 0 : guest->report.merge_cpu_us),
                   CpuBudget::Clock::now());
  return membership;
}

std::optional<std::string> Server::refuse_promise(const Session& session, std::uint32_t pages) {
  const uid_t uid = session.peer().uid;
  const auto promises = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second->promised_pages() != 0 && entry.second->peer().uid == uid;
  });
  return dedup::refuse_promise(config_.admission, {uid, pages, promises, commit_charge({})});
}

void Server::leave(Session& session) {
  cpu_budget_.leave(session.membership());
  break_guard_.leave(session.membership());
  memberships_.disconnect(session);
}

void Server::reported(const Session& session, const wire::Report& report) {
  cpu_budget_.has_used(session.membership(), std::chrono::microseconds(report.merge_cpu_us),
                       CpuBudget::Clock::now());
  if (!memberships_.report(session, report)) return;
  ++full_scans_;
  for (const auto& [label, domain] : domains_.all()) domain->trim();
  domains_.settle_busy();
}

void Server::tells_cpu_time(const Session& session, const wire::CpuTime& time) {
  cpu_budget_.has_used(session.membership(), std::chrono::microseconds(time.used_us),
                       CpuBudget::Clock::now());
  cpu_budget_.wants_turn(session.membership(), time.wants != 0);
  give_cpu_turns();
}

void Server::tells_room(const Session& session, const wire::Room& room) {
  if (config_.knobs.current.break_guard == 0) return;  // said before it heard of that
  const Guest* const teller = memberships_.guests().find(session.membership());
  const std::uint64_t may_take = teller == nullptr ? 0 : PageCount{teller->report.worst_case_pages()}.bytes();
  for (const BreakGuard::Order& order :
       break_guard_.tells(session.membership(), room, may_take, BreakGuard::Clock::now())) {
    const Guest* const guest = memberships_.guests().find(order.guest);
    if (guest != nullptr && guest->session != nullptr) guest->session->send_guard({1, order.order});
  }
}

void Server::settle_break_guard() {
  const std::uint32_t guarded = config_.knobs.current.break_guard;
  if (guarded == 0) break_guard_.forget_all();
  for (const auto& [key, session] : sessions_) session->send_guard({.guarded = guarded});
}

void Server::give_cpu_turns() {
  using std::chrono::microseconds;
  for (const CpuBudget::Turn& turn : cpu_budget_.next_turns(CpuBudget::Clock::now(), process_cpu_time())) {
    const Guest* const guest = memberships_.guests().find(turn.guest);
    if (guest == nullptr || guest->session == nullptr) continue;
    guest->session->send_cpu_turn(std::chrono::duration_cast<microseconds>(turn.time));
  }
  const auto next = cpu_budget_.next_time();
  if (!next) return static_cast<void>(cpu_timer_.cancel());
  cpu_timer_.expires_at(*next);
  cpu_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) give_cpu_turns();
  });
}

CommitCharge Server::commit_charge(std::optional<uid_t> viewer) const {
  CommitCharge charge;
  for (const auto& [membership, guest] : memberships_.guests().all())
    if (!viewer || guest.peer.uid == *viewer) charge.bytes += PageCount{guest.pages}.bytes();
  for (const auto& [key, session] : sessions_)
    if (!viewer || session->peer().uid == *viewer)
      charge.bytes += PageCount{session->promised_pages()}.bytes();
  const std::uint64_t all = host_memory("MemTotal") + paging_.max_bytes();
  charge.limit = all / 100 * config_.knobs.current.overcommit_percent;
  return charge;
}

void Server::settle_cpu_percent() {
  cpu_budget_.set_percent(config_.knobs.current.cpu_percent, CpuBudget::Clock::now());
  give_cpu_turns();
}

}  // namespace samepage::dedup
