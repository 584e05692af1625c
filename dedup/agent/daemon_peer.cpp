// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/daemon_peer.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file_figures.hpp"
#include "base/files_behind_memory.hpp"
#include "base/log.hpp"
#include "base/poll_timeout.hpp"
#include "base/racing_reads.hpp"
#include "base/thread_use.hpp"
#include "dedup/agent/grants.hpp"
#include "dedup/fault_points.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t most_granted = 1024;  // before they are merged, whatever else has come

}  // namespace

// --- The daemon comes and goes.

void DaemonPeer::ask_to_join(const AgentConfig& config, UniqueFd socket) {
  link_.ask_to_join(config, guest_.pages.count(), std::move(socket), guest_.shortages);
}

DaemonPeer::Joined DaemonPeer::finish_joining() {
  DaemonLink::Joined joined = link_.finish_joining();
  if (joined.former) guest_.upkeep.leave(std::move(joined.former->store), link_.files().store());
  const wire::Welcome& welcome = link_.membership().welcome;
  is_private_ = welcome.ends_when_idle != 0;
  take_knobs(welcome.knobs);
  passes_ = 0;
  turn_.end();
  hears_room_ = false;
  if (!joined.back) before_ = counters();
  guest_.totals.connected = true;
  log(LogLevel::info, "{}", joined.back ? "it is back at its daemon" : "it has joined a daemon");
  return joined.back ? Joined::back : Joined::anew;
}

// A daemon that lives keeps our references until our process is gone or we say otherwise, and the store of a
// dead one nobody reaps. finish_joining() finds out which of the two it is. Until then its store counts as
// one of a dead one.
void DaemonPeer::lose() noexcept {
  guest_.totals.connected = false;
  const bool joined = link_.joined();
  link_.lose();
  turn_.end();
  granted_.clear();
  if (!joined) return;
  log(LogLevel::info, "the daemon is lost; what is merged stays merged");
  for (const PageIndex page : guest_.pages.all()) {
    if (guest_.states.stands_offered(page)) guest_.states.withdrawn(page);
  }
  guest_.paging.daemon_lost();
  guest_.remapper.forget_copies();
  guest_.budget.spend(0);
  guest_.tracker.mappings_replaced();  // should the daemon have been lost in the middle of that
  try {
    guest_.tracker.forget_all();
    guest_.upkeep.daemon_lost(link_.former()->store);
  } catch (const std::exception& error) {
    // No write is lost.
    log_error("some pages are not offered until they are written again", error);
  }
}

void DaemonPeer::take_knobs(const wire::Knobs& told) {
  Settings knobs{told};
  for (const KnobDescription& knob : knob_descriptions()) {
    knobs.*knob.field = std::clamp(knobs.*knob.field, knob.lowest, knob.highest);
  }
  knobs_ = knobs;
  guest_.remapper.holds().set_budget(std::chrono::microseconds(knobs_.hold_budget_us));
}

// --- What it is told.

void DaemonPeer::send(wire::Type type, std::span<const std::byte> payload) {
  if (link_.joined() && !link_.connection().send(type, payload)) lose();
}

wire::Report DaemonPeer::counters() const {
  const GuestHolds& holds = guest_.remapper.holds();
  wire::Report report;
  report.passes = guest_.totals.passes;
  report.merges = guest_.totals.merges;
  report.breaks = guest_.totals.breaks;
  report.failed_merges = guest_.totals.failed_merges;
  report.merge_cpu_us = guest_.totals.cpu_us;
  report.errors = logged_errors();
  report.paged_out = guest_.totals.paged_out;
  report.came_back = guest_.paging.coldness().came_back_count();
  report.holds = holds.holds();
  report.hold_times = holds.times();
  report.hold_max_us = holds.longest_us();
  return report;
}

void DaemonPeer::report(wire::Report now) {
  if (!link_.joined()) return;
  told_cpu_us_ = used_cpu_us();
  const wire::Report so_far = counters();
  for (const auto counter : {&wire::Report::passes, &wire::Report::merges, &wire::Report::breaks,
                             &wire::Report::failed_merges, &wire::Report::merge_cpu_us, &wire::Report::errors,
                             &wire::Report::holds, &wire::Report::paged_out, &wire::Report::came_back}) {
    now.*counter = so_far.*counter - before_.*counter;
  }
  (now.hold_times = so_far.hold_times) -= before_.hold_times;
  now.hold_max_us = so_far.hold_max_us;
  const bool whole = link_.membership().welcome.takes_whole_reports != 0;
  const auto bytes = wire::bytes_of(now);
  send(wire::Type::report, whole ? bytes : bytes.first(wire::short_report));
}

// --- How much of the processor it lets the agent use.

// A counter, whichever thread does a pass: the daemon takes none that goes back.
std::uint64_t DaemonPeer::used_cpu_us() {
  const auto cpu = std::chrono::duration_cast<std::chrono::microseconds>(thread_cpu_time()).count();
  guest_.totals.cpu_us = std::max(guest_.totals.cpu_us.load(), static_cast<std::uint64_t>(cpu));
  return guest_.totals.cpu_us - before_.merge_cpu_us;
}

void DaemonPeer::send_cpu_time(bool wants) {
  told_cpu_us_ = used_cpu_us();
  send(wire::Type::cpu_time, wire::bytes_of(wire::CpuTime{told_cpu_us_, wants ? 1U : 0U}));
}

bool DaemonPeer::may_use_cpu() {
  if (!bounds_cpu() || turn_.goes_on(thread_cpu_time())) return true;
  if (!turn_.asked()) {
    turn_.ask();
    send_cpu_time(true);
  }
  return false;
}

void DaemonPeer::end_cpu_turn() {
  if (!turn_.asked() && !turn_.begun()) return;
  turn_.end();
  send_cpu_time(false);
}

// What is used within a turn is told at its end.
void DaemonPeer::tell_cpu_time() {
  constexpr std::uint64_t worth_a_message_us = 5000;
  if (!bounds_cpu() || turn_.begun() || used_cpu_us() < told_cpu_us_ + worth_a_message_us) return;
  send_cpu_time(turn_.asked());
}

void DaemonPeer::answer(wire::Merged merged) {
  for (auto list : {&wire::Merged::kept, &wire::Merged::refused}) {
    std::vector<PageRange>& ranges = merged.*list;
    wire::sort_by_page(ranges);
    const auto send = [&](std::span<const PageRange> part) {
      wire::Merged message;
      (message.*list).assign(part.begin(), part.end());
      return link_.connection().send(wire::Type::merged, wire::encode(message));
    };
    if (link_.joined() && !wire::send_in_parts<PageRange>(ranges, wire::max_entries, send)) lose();
  }
}

// --- What it says.

// What several messages grant is merged in one go: the guest is held for all of it together.
void DaemonPeer::handle_messages() {
  while (link_.joined() && link_.connection().readable()) {
    if (auto message = link_.connection().receive()) {
      const auto type = static_cast<wire::Type>(message->type);
      if (type != wire::Type::verdict || granted_.size() >= most_granted) merge_granted();
      if (!link_.joined()) return;  // it was no grant that can be
      take(std::move(*message));
      fault_point(FaultIn::agent, FaultMoment::took, type);
    } else {
      lose();
    }
  }
  merge_granted();
}

void DaemonPeer::handle(Message message) {
  take(std::move(message));
  merge_granted();
}

void DaemonPeer::hear_out(std::chrono::steady_clock::time_point deadline) {
  send(wire::Type::sync, wire::bytes_of(wire::Sync{++last_sync_}));
  while (link_.joined() && last_synced_ != last_sync_) {
    pollfd waiting{link_.connection().fd(), POLLIN, 0};
    const int left = poll_timeout(deadline);
    ::poll(&waiting, 1, left);
    handle_messages();
    if (left == 0) return;
  }
}

void DaemonPeer::take(Message message) {
  switch (static_cast<wire::Type>(message.type)) {
    case wire::Type::verdict:
      if (auto verdict = wire::decode_verdict(message.payload)) {
        donate(verdict->donate);
        granted_.insert(granted_.end(), verdict->grants.begin(), verdict->grants.end());
        return;
      }
      break;
    case wire::Type::knobs:
      if (const auto knobs = wire::read_one<wire::Knobs>(message.payload)) return take_knobs(*knobs);
      break;
    case wire::Type::paging_file:
      if (take_paging_file(message)) return;
      break;
    case wire::Type::cpu_turn:
      if (const auto turn = wire::read_one<wire::CpuTurn>(message.payload)) {
        constexpr std::uint64_t longest_us = 1'000'000;
        return turn_.begin(std::chrono::microseconds(std::min(turn->time_us, longest_us)), thread_cpu_time());
      }
      break;
    case wire::Type::guard:
      if (take_guard(message)) return;
      break;
    case wire::Type::synced:
      // Other ones are late: an image was loaded without the daemon's last answers.
      if (const auto sync = wire::read_one<wire::Sync>(message.payload)) {
        if (sync->number == last_sync_) last_synced_ = last_sync_;
        return;
      }
      break;
    default:
      break;
  }
  lose();  // what we don't understand we don't obey
}

bool DaemonPeer::take_paging_file(Message& message) {
  const auto notice = wire::read_one<wire::PagingFile>(message.payload);
  if (!notice || notice->file >= max_paging_files) return false;
  const bool leaving = notice->leaving != 0;
  if (message.fds.empty() && !leaving) require_descriptors(link_.fd());
  if (message.fds.size() > 1 || (message.fds.empty() && !leaving)) return false;
  if (!message.fds.empty()) {
    const FileFigures file = figures_of_file(message.fds[0].get());
    guest_.upkeep.add_backing(file.device, file.inode);  // no store: never unmerged for the sake of mappings
    note_file_behind_memory({notice->path, ::strnlen(notice->path, sizeof(notice->path))});
    link_.files().set_slots(notice->file, std::move(message.fds[0]));
  }
  leaving ? guest_.paging.leave(notice->file) : guest_.paging.settled(notice->file);
  return true;
}

bool DaemonPeer::take_guard(const Message& message) {
  const auto guard = wire::read_one<wire::Guard>(message.payload);
  if (!guard) return false;
  hears_room_ = true;
  is_guarded_ = guard->guarded != 0;
  if (guard->order != wire::GuardOrder::none) guard_order_ = guard->order;
  return true;
}

void DaemonPeer::tell_room(const wire::Room& room) {
  if (hears_room_ && is_guarded_) send(wire::Type::room, wire::bytes_of(room));
}

void DaemonPeer::donate(const std::vector<wire::Donation>& requests) {
  Membership& membership = link_.membership();
  // The guest may be writing the pages: the daemon hashes what it got.
  const RacingReads racing;
  for (const wire::Donation& request : requests) {
    if (!guest_.pages.all().contains(request.page) || request.slot >= membership.welcome.staging_slots)
      return lose();
    std::memcpy(membership.staging.data() + PageCount{request.slot}.bytes(), guest_.pages.host(request.page),
                page_size);
    fault_point("page-donated");
  }
  send_list(wire::Type::donated, requests);
}

void DaemonPeer::merge_granted() {
  std::vector<wire::Grant> grants = std::exchange(granted_, {});
  if (grants.empty() || !link_.joined()) return;
  const std::uint32_t frames = link_.membership().welcome.max_frames;
  if (!std::all_of(grants.begin(), grants.end(), [&](const wire::Grant& grant) {
        return is_within(grant, guest_.pages.count(), frames);
      })) {
    return lose();
  }
  const std::uint64_t out = guest_.states.paged_count();
  const BulkRemapper::Merging merging = guest_.remapper.merge(link_.files(), std::move(grants));
  fault_point("pages-merged");
  const std::uint64_t paged = guest_.states.paged_count() - out;
  std::uint64_t kept = 0;
  for (const PageRange& range : merging.merged.kept) kept += range.count;
  std::uint64_t refused = 0;
  for (const PageRange& range : merging.merged.refused) refused += range.count;
  // Frames that move are nothing that the guest was asked to give.
  guest_.paging.answered(kept + refused - merging.moves_granted, kept - merging.moved,
                         PageOuts::Clock::now());
  guest_.totals.merges += kept - paged;
  guest_.totals.paged_out += paged;
  guest_.totals.failed_merges += merging.failed;
  answer(merging.merged);
}

}  // namespace samepage::dedup
