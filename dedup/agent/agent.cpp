// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/agent.hpp"

#include <algorithm>
#include <utility>

#include "dedup/agent/agent_thread.hpp"

namespace samepage::dedup {

Agent::Agent(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier)
    : thread_(std::make_unique<Thread>(std::move(config), regions, barrier)) {}

Agent::~Agent() = default;

void Agent::discard(std::span<const GfnRange> ranges) {
  thread_->discard(ranges);
}

void Agent::place(std::span<const ImagePart> parts) {
  thread_->place(parts);
}

void Agent::start() {
  thread_->start();
}

const std::string& Agent::why_not_joined() const {
  return thread_->why_not_joined();
}

std::string Agent::why_kept_out() const {
  return thread_->why_kept_out();
}

void Agent::look_now() {
  thread_->look_now();
}

void Agent::is_backed(const Backing& backing) {
  thread_->is_backed(backing);
}

bool Agent::while_still(const std::function<void(StillMemory&)>& act) {
  return thread_->while_still(act);
}

void Agent::back(UniqueFd file, std::vector<BackedRun> runs) {
  thread_->back(std::move(file), std::move(runs));
}

bool Agent::begin_page_out(std::uint64_t pages, PageOutOrder order) {
  return thread_->begin_page_out(pages, order);
}

PageOutProgress Agent::page_out_progress() const {
  const PageOuts& outs = thread_->worker().page_outs();
  return {outs.active(), outs.went()};
}

void Agent::bring_back() {
  thread_->bring_back();
}

AgentCounters Agent::counters() const {
  return thread_->worker().counters();
}

std::vector<PageMapRun> Agent::page_map() const {
  const Worker& worker = thread_->worker();
  // A piece ends with its mapping too, and what was looked at behind that is looked at again.
  constexpr std::uint32_t pages_a_look = 256;
  return dedup::page_map(thread_->regions(), [&](Gfn gfn) {
    const auto page = worker.pages().page_of(gfn);
    if (!page) return KnownPage{};
    const PageIndex end = worker.pages().region_of(*page).pages.end();
    return worker.states().known_from({*page, std::min(pages_a_look, end - *page)});
  });
}

}  // namespace samepage::dedup
