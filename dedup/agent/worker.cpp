// SPDX-License-Identifier: Apache-2.0
// A pass, and the daemon's coming and going. What others ask for is in worker_requests.cpp.
#include "dedup/agent/worker.hpp"

#include <algorithm>
#include <utility>

#include "dedup/domain_label.hpp"

namespace samepage::dedup {
namespace {

using State = PageStates::State;

// Memory behind metadata that was reserved for all pages and is committed with those that matter.
std::uint64_t committed(const Pagemap& pagemap, std::span<const std::byte> metadata) {
  std::size_t pages = 0;
  for (const PageRun& run : pagemap.populated(metadata)) pages += run.is_private() ? run.count : 0;
  return PageCount{pages}.bytes();
}

AgentConfig with_mode(AgentConfig config) {
  if (config.sharing == Sharing::all && mode_of(config.domain) == DomainMode::uniform)
    config.sharing = Sharing::uniform;
  return config;
}

}  // namespace

Worker::Worker(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier,
               TrackerKind tracker, Pagemap::Backend backend, std::function<std::uint64_t()> mapping_limit)
    : config_(with_mode(std::move(config))),
      pages_(regions),
      states_(pages_.count()),
      pagemap_(backend),
      tracker_(make_tracker(tracker, pages_, states_, pagemap_)),
      budget_(std::move(mapping_limit), [this] { return upkeep_.count_mappings(); }),
      remapper_(pages_, states_, *tracker_, barrier, budget_, mapping_shortage_),
      upkeep_(pages_, states_, *tracker_, pagemap_, budget_, mapping_shortage_, remapper_),
      page_outs_(pages_, states_, pagemap_),
      scan_(pages_, states_, *tracker_, pagemap_, page_outs_.coldness(), origins_, config_.sharing),
      barrier_(barrier),
      daemon_({pages_, states_, *tracker_, budget_, remapper_, upkeep_, totals_, page_outs_, shortages_}),
      paging_({pages_, states_, pagemap_, remapper_, page_outs_, daemon_}) {}

// --- The daemon comes and goes.

void Worker::ask_to_join(UniqueFd socket) {
  daemon_.ask_to_join(config_, std::move(socket));
}

void Worker::finish_joining() {
  if (daemon_.finish_joining() == DaemonPeer::Joined::back) retain_merged_pages();
  pass_.reset();
  paging_.joined();
  upkeep_.joined();
}

void Worker::connect(UniqueFd socket) {
  ask_to_join(std::move(socket));
  try {
    finish_joining();
  } catch (...) {
    lose_daemon();
    throw;
  }
}

// The same daemon, the same store: it hears what is still mapped of it, and lets the rest go.
void Worker::retain_merged_pages() {
  // What was written is not retained, also where the look that would have said so was cut short.
  Findings findings(states_);
  for (const PageRange& piece : pages_.pieces_of(states_.all_in(State::merged), chunk_pages)) {
    scan_.find_breaks(piece, findings);
  }
  totals_.breaks += findings.breaks();
  daemon_.send_list(wire::Type::retained_out, states_.all_paged());
  daemon_.send_list(wire::Type::retained, states_.all_in(State::merged));
  daemon_.send(wire::Type::retained, {});  // that is all
}

// --- A pass.

bool Worker::run_pass(const std::function<bool()>& cancelled, const std::function<bool()>& goes_on) {
  const auto& regions = pages_.regions();
  if (!pass_) {
    volatile_pages_ = 0;
    page_outs_.coldness().next_pass();
    pass_ = Pass{regions.begin(), regions.empty() ? PageRange{} : regions.front().pages};
  }
  Pass& pass = *pass_;
  while (pass.region != regions.end()) {
    if (pass.rest.empty()) {
      if (++pass.region != regions.end()) pass.rest = pass.region->pages;
      continue;
    }
    if (cancelled() || !daemon_.joined()) return std::exchange(pass_, {})->found;
    if (!goes_on()) return pass.found;
    Findings findings(states_);
    const Tracker::Look look = tracker_->find_written(pass.rest.take_front(chunk_pages));
    if (remapper_.give_back(scan_.new_zero_pages(look)) > 0) findings.note_any();
    scan_.take(look, daemon_.link().secret(), findings);
    act_on(findings);
    pass.found = pass.found || findings.any();
    handle_messages();
  }
  const bool found = std::exchange(pass_, {})->found;
  ++totals_.passes;
  daemon_.count_pass();
  report(found);
  return found;
}

void Worker::look_for_breaks(const std::function<bool()>& cancelled) {
  for (const GuestPages::Region& region : pages_.regions()) {
    for (PageRange rest = region.pages; !rest.empty();) {
      std::uint32_t count = 0;
      while (count < std::min(rest.count, chunk_pages) && states_.is_shared(rest.first + count)) ++count;
      if (count == 0) {
        rest.take_front(1);
        continue;
      }
      if (cancelled() || !daemon_.joined()) return;
      Findings findings(states_);
      scan_.find_breaks(rest.take_front(count), findings);
      act_on(findings);
    }
  }
  report(false);
}

void Worker::act_on(Findings& findings) {
  totals_.breaks += findings.breaks();
  volatile_pages_ += findings.volatile_pages();
  daemon_.send_list(wire::Type::used, findings.used());
  daemon_.send_list(wire::Type::broken, findings.broken());
  daemon_.send_list(wire::Type::withdraw, findings.withdrawn());
  page_outs_.withdrawn(findings.withdrawn());
  remapper_.give_back(findings.zero());
  if (!findings.as_before().empty()) {
    back({findings.as_before()});
    if (daemon_.joined()) scan_.offer_what_is_left(findings.as_before(), daemon_.link().secret(), findings);
  }
  if (daemon_.joined()) scan_.offer_the_others(findings.zero(), daemon_.link().secret(), findings);
  daemon_.send_list(wire::Type::offer, findings.take_offers());
}

void Worker::report(bool found) {
  if (daemon_.joined()) {
    daemon_.send_list(wire::Type::broken,
                      upkeep_.tidy(found, daemon_.passes(), daemon_.link().files().store()));
  }
  mapping_shortage_.end_of_pass(states_.count(State::unaffordable));
  if (!daemon_.joined()) return;
  if (!found) remapper_.forget_copies();
  Findings read_back(states_);
  const std::uint64_t resident =
      scan_.find_resident(pages_.pieces_of(states_.all_paged(), chunk_pages), read_back);
  daemon_.send_list(wire::Type::used, read_back.used());
  wire::Report report = memory_now();
  report.paged_resident_pages = std::min(resident, report.paged_pages);
  daemon_.report(report);
}

wire::Report Worker::memory_now() const {
  wire::Report report;
  report.zero_pages = states_.count(State::zero);
  report.volatile_pages = std::min<std::uint64_t>(volatile_pages_, pages_.count());
  report.vmas = budget_.used();
  report.agent_bytes = committed(pagemap_, states_.metadata()) + committed(pagemap_, tracker_->metadata());
  report.tracks_writes = tracks_writes() ? 1 : 0;
  report.ram_pages = pages_.count();
  report.backed_pages = states_.count(State::backed);
  report.shared_pages = states_.count(State::merged) + report.backed_pages;
  report.untouched_pages = states_.count(State::untouched) + states_.count(State::discarded);
  report.paged_pages = states_.paged_count();
  report.own_pages = report.ram_pages - report.shared_pages - report.untouched_pages - report.zero_pages;
  report.unaffordable_pages = states_.count(State::unaffordable);
  for (const StoreFigure& store : upkeep_.lost())
    report.lost_store_pages += pages_in(store.mapped_bytes).value;
  report.lost_store_pages = std::min(report.lost_store_pages, report.ram_pages);
  report.available_bytes = room_.available;
  report.limit_bytes = room_.limit;
  report.place = room_.place;
  report.stands_still = brakes_ != 0 ? 1 : 0;
  for (const ShortageFigure& lack : shortages_.figures(Shortages::Clock::now())) {
    report.lacks.at(static_cast<std::size_t>(lack.what)) = {
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(lack.lasts.count())), lack.waiting};
  }
  return report;
}

AgentCounters Worker::counters() const {
  const GuestHolds& holds = remapper_.holds();
  return {totals_.passes,
          totals_.merges,
          totals_.breaks,
          totals_.failed_merges,
          holds.holds(),
          holds.longest_us(),
          totals_.connected,
          upkeep_.lost(),
          totals_.paged_out,
          page_outs_.coldness().came_back_count(),
          holds.times(),
          totals_.cpu_us,
          shortages_.figures(Shortages::Clock::now()),
          totals_.available_bytes};
}

}  // namespace samepage::dedup
