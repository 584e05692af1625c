// SPDX-License-Identifier: Apache-2.0
// What a guest tells of itself.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/process_memory.hpp"
#include "dedup/hold_times_json.hpp"
#include "dedup/shortage_json.hpp"
#include "vmm/process/guest_answers.hpp"
#include "vmm/process/guest_confinement.hpp"
#include "vmm/process/usage.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

json to_json(const BalloonFigures& balloon) {
  json body{{"target_bytes", balloon.target_bytes},
            {"actual_bytes", balloon.actual_bytes},
            {"reported_bytes", balloon.reported_bytes},
            {"guest", json::object()}};
  for (std::size_t i = 0; i < BalloonStatistics::count; ++i) {
    const auto value = balloon.statistics.values.at(i);
    if (value) body["guest"][BalloonStatistics::names.at(i)] = *value;
  }
  return body;
}

}  // namespace

bool GuestAnswers::has_ended() const {
  pollfd ended{machine_.ended_fd(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

std::string_view GuestAnswers::state() const {
  if (has_ended()) return "stopped";
  if (machine_.gate().paused()) return "paused";
  return machine_.gate().stands_still() ? "no memory" : "running";
}

std::uint64_t GuestAnswers::ram_bytes() const {
  return dedup::pages_of(machine_.ram()).bytes();
}

GuestFigures GuestAnswers::brief() const {
  GuestFigures figures;
  figures.name = facts_.name;
  figures.pid = static_cast<std::uint64_t>(::getpid());
  figures.domain = facts_.domain;
  figures.state = state();
  figures.cpus = facts_.cpus;
  figures.ram_bytes = ram_bytes();
  figures.uptime_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - facts_.started).count();
  figures.image = facts_.image;
  return figures;
}

GuestFigures GuestAnswers::figures() const {
  GuestFigures figures = brief();
  if (const auto balloon = machine_.balloon()) figures.balloon = to_json(*balloon);
  const dedup::MemoryFigures memory = dedup::figures_of(machine_.ram(), page_map());
  figures.private_bytes = memory.private_bytes;
  figures.shared_bytes = memory.shared_bytes;
  figures.backed_bytes = memory.backed_bytes;
  figures.paged_bytes = memory.paged_bytes;
  figures.paged_resident_bytes = memory.paged_in_bytes;
  figures.zero_bytes = memory.zero_bytes;
  figures.untouched_bytes = memory.untouched_bytes;
  figures.swapped_bytes = memory.swapped_bytes;
  figures.vmas = memory.vmas;
  const dedup::AgentCounters counters = agent_ == nullptr ? dedup::AgentCounters{} : agent_->counters();
  figures.worst_case_bytes = memory.shared_bytes + memory.zero_bytes;
  figures.available_bytes = counters.available_bytes;
  figures.passes = counters.passes;
  figures.merges = counters.merges;
  figures.breaks = counters.breaks;
  figures.failed_merges = counters.failed_merges;
  figures.paged_out = counters.paged_out;
  figures.came_back = counters.came_back;
  figures.holds = counters.holds;
  figures.hold_max_us = counters.longest_hold_us;
  figures.hold_times = dedup::to_json(counters.hold_times);
  figures.merge_cpu_us = counters.merge_cpu_us;
  figures.connected = counters.connected;
  if (agent_ != nullptr) {
    if (std::string why = agent_->why_kept_out(); !why.empty()) figures.kept_out = std::move(why);
  }
  figures.shortages = dedup::to_json(counters.shortages);
  for (const dedup::StoreFigure& store : counters.lost_stores) {
    figures.orphaned_stores.push_back({{"inode", store.inode},
                                       {"allocated_bytes", store.allocated_bytes},
                                       {"mapped_bytes", store.mapped_bytes}});
  }
  figures.backing_files = snapshots_.backing_files();
  const ProcessMemory process = own_memory();
  add_usage(figures, machine_);
  figures.rss_bytes = process.rss;
  figures.pss_anon_bytes = process.pss_anon;
  figures.swap_pss_bytes = process.swap_pss;
  figures.page_table_bytes = process.page_tables;
  figures.errors = logged_errors();
  figures.confined = confinement_text();
  figures.jailed = is_jailed();
  figures.log = log_place();
  return figures;
}

}  // namespace samepage::vmm
