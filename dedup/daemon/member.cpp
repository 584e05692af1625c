// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/member.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace samepage::dedup {

Member::Member(std::uint32_t pages, bool takes_slots, Send send, Report report, Cpu cpu, Room room,
               Later later)
    : pages_(pages),
      takes_slots_(takes_slots),
      staging_(pages),
      send_(std::move(send)),
      report_(std::move(report)),
      cpu_(std::move(cpu)),
      room_(std::move(room)),
      later_(std::move(later)) {}

Progress Member::handle(wire::Type type, std::span<const std::byte> payload, Turn& turn) {
  // A guest that has its membership back says first what it retains of it.
  const bool retains = type == wire::Type::retained || type == wire::Type::retained_out;
  if (retains == domain_->settled(guest_)) return Progress::violation;
  const Progress progress = dispatch(type, payload, turn);
  domain_->carry_out();
  return progress;
}

void Member::end_of_message() {
  reached_ = {};
  first_list_done_ = false;
}

Progress Member::dispatch(wire::Type type, std::span<const std::byte> payload, Turn& turn) {
  using FirstSighting = Merger::FirstSighting;
  switch (type) {
    case wire::Type::retained:
      return domain_->retained(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::retained_out:
      return domain_->retained_out(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::offer:
      return domain_->offer(guest_, Domain::Offers(payload), FirstSighting::noted, reached_, turn);
    case wire::Type::image:
      return domain_->offer(guest_, Domain::Offers(payload), FirstSighting::makes_frame, reached_, turn);
    case wire::Type::page_out:
      if (!takes_slots_) return Progress::violation;
      return domain_->offer(guest_, Domain::Offers(payload), FirstSighting::pages_out, reached_, turn);
    case wire::Type::donated:
      return handle_donated(payload, turn);
    case wire::Type::merged:
      return handle_merged(payload, turn);
    case wire::Type::broken:
      return domain_->broken(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::used:
      return domain_->used(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::withdraw:
      return domain_->withdraw(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::cold:
      if (!takes_slots_) return Progress::violation;
      return domain_->cold(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::warm:
      return domain_->warm(guest_, Domain::Ranges(payload), reached_, turn);
    case wire::Type::sync:
      return handle_sync(payload);
    case wire::Type::report:
      return handle_report(payload);
    case wire::Type::cpu_time:
      return handle_cpu_time(payload);
    case wire::Type::room:
      return handle_room(payload);
    default:
      return Progress::violation;
  }
}

Progress Member::handle_donated(std::span<const std::byte> payload, Turn& turn) {
  const wire::List<wire::Donation> donations(payload);
  if (!donations.whole()) return Progress::violation;
  alignas(page_size) std::array<std::byte, page_size> copy;
  for (; reached_.entry < donations.size(); ++reached_.entry) {
    if (turn.over()) return Progress::more;
    const wire::Donation donation = donations[reached_.entry];
    if (!staging_.take(donation, copy)) return Progress::violation;
    if (domain_->donated(guest_, donation.page, copy, turn) == Merger::Outcome::violation)
      return Progress::violation;
  }
  flush();  // others may wait for a place in the staging area
  staging_.give_back_if_idle();
  return Progress::done;
}

Progress Member::handle_merged(std::span<const std::byte> payload, Turn& turn) {
  const auto merged = wire::view_merged(payload);
  if (!merged) return Progress::violation;
  if (!first_list_done_) {
    const Progress kept = domain_->answered(guest_, merged->kept, Merger::Answer::kept, reached_, turn);
    if (kept != Progress::done) return kept;
    first_list_done_ = true;
    reached_ = {};
  }
  return domain_->answered(guest_, merged->refused, Merger::Answer::refused, reached_, turn);
}

// What came before has been carried out, and its answers stand before this one in the outbox.
Progress Member::handle_sync(std::span<const std::byte> payload) {
  const auto sync = wire::read_one<wire::Sync>(payload);
  if (!sync) return Progress::violation;
  tell();
  send_(wire::Type::synced, wire::bytes_of(*sync));
  return Progress::done;
}

Progress Member::handle_report(std::span<const std::byte> payload) {
  const auto report = wire::decode_report(payload, pages_);
  if (!report) return Progress::violation;
  report_(*report);
  return Progress::done;
}

Progress Member::handle_cpu_time(std::span<const std::byte> payload) {
  const auto time = wire::read_one<wire::CpuTime>(payload);
  if (!time || time->wants > 1 || time->used_us >= wire::number_limit) return Progress::violation;
  cpu_(*time);
  return Progress::done;
}

Progress Member::handle_room(std::span<const std::byte> payload) {
  const auto room = wire::read_one<wire::Room>(payload);
  if (!room || room->taking > wire::Taking::stands || room->available >= wire::number_limit ||
      room->low >= wire::number_limit)
    return Progress::violation;
  room_(*room);
  return Progress::done;
}

void Member::grant(PageIndex page, FrameId frame) {
  wire::append_grant(grants_, page, frame);
}

void Member::request_donation(PageIndex page) {
  staging_.request(page);
}

void Member::flush() {
  if (!std::exchange(telling_, true)) later_();
}

// Orders of several turns: grants of neighbours are one, and the agent is woken and holds its guest once.
void Member::tell() {
  telling_ = false;
  std::vector<wire::Donation> donate = staging_.assign_slots();  // never more than there are slots
  const std::vector<wire::Grant> grants = std::exchange(grants_, {});
  std::span<const wire::Grant> rest(grants);
  while (!rest.empty() || !donate.empty()) {
    const auto part = rest.first(std::min(rest.size(), wire::max_entries));
    rest = rest.subspan(part.size());
    const wire::Verdict verdict{{part.begin(), part.end()}, std::exchange(donate, {})};
    send_(wire::Type::verdict, wire::encode(verdict));
  }
}

}  // namespace samepage::dedup
