// SPDX-License-Identifier: Apache-2.0
// What it is told. What it says is in daemon_peer_messages.cpp.
#include "dedup/agent/daemon_peer.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/thread_use.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {

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

}  // namespace samepage::dedup
