// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/guest_table.hpp"

#include <algorithm>
#include <utility>

namespace samepage::dedup {
namespace {

template <typename Guests, typename Is>
Guest* first_that(Guests& guests, Is is) {
  const auto found =
      std::find_if(guests.begin(), guests.end(), [&](const auto& entry) { return is(entry.second); });
  return found == guests.end() ? nullptr : &found->second;
}

template <typename Guests, typename Is>
std::ptrdiff_t how_many(const Guests& guests, Is is) {
  return std::count_if(guests.begin(), guests.end(), [&](const auto& entry) { return is(entry.second); });
}

}  // namespace

std::vector<ShortageFigure> Guest::shortages(std::chrono::steady_clock::time_point now) const {
  std::vector<ShortageFigure> all;
  if (session == nullptr) return all;  // nobody knows
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - reported_at);
  for (const Resource what : all_resources()) {
    const wire::Lack& lack = report.lacks.at(static_cast<std::size_t>(what));
    if (lack.lasts_ms != 0)
      all.push_back({what, std::chrono::milliseconds(lack.lasts_ms) + since, lack.waiting});
  }
  return all;
}

Guest& GuestTable::add(Guest guest) {
  const std::uint64_t membership = guest.membership;
  return guests_.insert_or_assign(membership, std::move(guest)).first->second;
}

void GuestTable::remove(std::uint64_t membership) {
  const auto gone = guests_.find(membership);
  if (gone == guests_.end()) return;
  breaks_of_gone_[gone->second.peer.uid] += gone->second.report.breaks;
  past_.hold_times += gone->second.report.hold_times;
  past_.merge_cpu_us += gone->second.report.merge_cpu_us;
  past_.paged_out += gone->second.report.paged_out;
  past_.came_back += gone->second.report.came_back;
  guests_.erase(gone);
}

Guest* GuestTable::find(std::uint64_t membership) {
  const auto found = guests_.find(membership);
  return found == guests_.end() ? nullptr : &found->second;
}

const Guest* GuestTable::find(std::uint64_t membership) const {
  const auto found = guests_.find(membership);
  return found == guests_.end() ? nullptr : &found->second;
}

Guest* GuestTable::of_session(const Session& session) {
  return first_that(guests_, [&](const Guest& guest) { return guest.session == &session; });
}

Guest* GuestTable::at(std::string_view domain, PageId first) {
  return first_that(guests_,
                    [&](const Guest& guest) { return guest.domain == domain && guest.first == first; });
}

Guest* GuestTable::former(const wire::Hello& hello, const ProcessKey& process, std::string_view domain) {
  Guest* const former = find(hello.former_membership);
  const bool same = former != nullptr && former->process == process && former->domain == domain &&
                    former->pages == hello.pages;
  return same ? former : nullptr;
}

std::ptrdiff_t GuestTable::of_process(const ProcessKey& process) const {
  return how_many(guests_, [&](const Guest& guest) { return guest.process == process; });
}

GuestTable::UserTotals GuestTable::totals_of(uid_t uid) const {
  UserTotals totals;
  for (const auto& [membership, guest] : guests_) {
    if (guest.peer.uid != uid) continue;
    ++totals.guests;
    totals.pages += guest.pages;
    totals.domains.insert(guest.domain);
  }
  return totals;
}

bool GuestTable::report(Guest& guest, const wire::Report& report) {
  // While merging is off an agent reports without having looked at all of the guest.
  guest.passed = guest.passed || report.passes > guest.report.passes;
  guest.report = report;
  std::uint64_t& longest = hold_max_us_[guest.peer.uid];
  longest = std::max(longest, report.hold_max_us);
  const auto behind = [](const Guest& other) { return !other.passed && other.session != nullptr; };
  if (how_many(guests_, behind) > 0) return false;
  for (auto& [membership, each] : guests_) each.passed = false;
  return true;
}

}  // namespace samepage::dedup
