// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/worker.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dedup/agent/grants.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {
namespace {

using State = PageStates::State;

constexpr std::uint32_t chunk_pages = 4096;  // of a pass, between two looks at the daemon's messages
// Memory behind metadata that was reserved for all pages and is committed with those that matter.
std::uint64_t committed(const Pagemap& pagemap, std::span<const std::byte> metadata) {
  std::size_t pages = 0;
  for (const PageRun& run : pagemap.populated(metadata)) pages += run.is_private() ? run.count : 0;
  return PageCount{pages}.bytes();
}

}  // namespace

Worker::Worker(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier,
               TrackerKind tracker, Pagemap::Backend backend, std::optional<std::uint64_t> mapping_limit)
    : config_(std::move(config)),
      pages_(regions),
      states_(pages_.count()),
      pagemap_(backend),
      tracker_(make_tracker(tracker, pages_, states_, pagemap_)),
      budget_(mapping_limit.value_or(mappings_for_merging()), [this] { return upkeep_.count_mappings(); }),
      remapper_(pages_, states_, *tracker_, barrier, budget_),
      upkeep_(pages_, states_, *tracker_, pagemap_, budget_, remapper_),
      scan_(pages_, states_, *tracker_, pagemap_, config_.sharing) {}

// --- The daemon comes and goes.

void Worker::connect(UniqueFd socket) {
  ask_to_join(std::move(socket));
  try {
    finish_joining();
  } catch (...) {
    lose_daemon();
    throw;
  }
}

void Worker::ask_to_join(UniqueFd socket) {
  link_.ask_to_join(config_, pages_.count(), std::move(socket));
}

void Worker::finish_joining() {
  DaemonLink::Joined joined = link_.finish_joining();
  if (joined.former) upkeep_.leave(std::move(joined.former->store), link_.store());
  const wire::Welcome& welcome = link_.membership().welcome;
  daemon_is_private_ = welcome.ends_when_idle != 0;
  take_knobs(welcome.knobs);
  passes_since_join_ = 0;
  if (!joined.back) {
    breaks_before_join_ = counters_.breaks;
    failed_merges_before_join_ = counters_.failed_merges;
  }
  counters_.connected = true;
  if (joined.back) retain_merged_pages();
  upkeep_.joined();
}

// The same daemon, the same store: it hears what is still mapped of it, and lets the rest go.
void Worker::retain_merged_pages() {
  // What was written is not retained, also where the look that would have said so was cut short.
  Findings findings(states_);
  for (const PageRange& piece : pages_.pieces_of(states_.all_in(State::merged), chunk_pages)) {
    scan_.find_breaks(piece, findings);
  }
  counters_.breaks += findings.breaks();
  send_list(wire::Type::retained, states_.all_in(State::merged));
  if (link_.joined() && !link_.connection().send(wire::Type::retained, {})) lose_daemon();
}

// What is mapped stays, and stays right: a daemon that lives keeps our references until our process is gone
// or we say otherwise, and the store of a dead one nobody reaps. finish_joining() finds out which of the two
// it is. Until then its store counts as one of a dead one.
void Worker::lose_daemon() noexcept {
  counters_.connected = false;
  const bool joined = link_.joined();
  link_.lose();
  if (!joined) return;
  for (const PageIndex page : pages_.all()) {
    if (states_.stands_offered(page)) states_.withdrawn(page);
  }
  remapper_.forget_copies();
  budget_.spend(0);
  tracker_->mappings_replaced();  // should the daemon have been lost in the middle of that
  try {
    tracker_->forget_all();
    upkeep_.daemon_lost(link_.former()->store);
  } catch (const std::exception&) {
    // Without memory for it some pages are not offered until they are written again: nothing is lost.
  }
}

void Worker::take_knobs(wire::Knobs knobs) {
  for (const KnobDescription& knob : knob_descriptions()) {
    knobs.*knob.field = std::clamp(knobs.*knob.field, knob.lowest, knob.highest);
  }
  knobs_ = knobs;
  remapper_.holds().set_budget(std::chrono::microseconds(knobs_.stop_budget_us));
}

template <typename T>
void Worker::send_list(wire::Type type, const std::vector<T>& list) {
  if (link_.joined() && !link_.connection().send_list<T>(type, list)) lose_daemon();
}

// --- A pass.

bool Worker::run_pass(const std::function<bool()>& cancelled) {
  bool found = false;
  volatile_pages_ = 0;
  for (const GuestPages::Region& region : pages_.regions()) {
    for (PageRange rest = region.pages; !rest.empty();) {
      if (cancelled() || !link_.joined()) return found;
      Findings findings(states_);
      const Tracker::Look look = tracker_->find_written(rest.take_front(chunk_pages));
      if (remapper_.give_back(scan_.new_zero_pages(look)) > 0) findings.note_any();
      scan_.take(look, link_.secret(), findings);
      act_on(findings);
      found = found || findings.any();
      handle_messages();
    }
  }
  ++counters_.passes;
  ++passes_since_join_;
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
      if (cancelled() || !link_.joined()) return;
      Findings findings(states_);
      scan_.find_breaks(rest.take_front(count), findings);
      act_on(findings);
    }
  }
  report(false);
}

void Worker::act_on(Findings& findings) {
  counters_.breaks += findings.breaks();
  volatile_pages_ += findings.volatile_pages();
  send_list(wire::Type::broken, findings.broken());
  send_list(wire::Type::withdraw, findings.withdrawn());
  remapper_.give_back(findings.zero());
  if (link_.joined()) scan_.offer_the_others(findings.zero(), link_.secret(), findings);
  send_list(wire::Type::offer, findings.take_offers());
}

void Worker::report(bool found) {
  if (link_.joined()) {
    send_list(wire::Type::broken, upkeep_.tidy(found, passes_since_join_, link_.store()));
  }
  if (!link_.joined()) return;
  if (!found) remapper_.forget_copies();
  wire::Report report;
  report.passes = counters_.passes;
  report.breaks = counters_.breaks - breaks_before_join_;
  report.zero_pages = states_.count(State::zero);
  report.volatile_pages = volatile_pages_;
  report.stops = remapper_.holds().holds();
  report.stop_max_us = remapper_.holds().longest_us();
  report.vmas = budget_.used();
  report.agent_bytes = committed(pagemap_, states_.metadata()) + committed(pagemap_, tracker_->metadata());
  report.failed_merges = counters_.failed_merges - failed_merges_before_join_;
  report.tracks_writes = tracks_writes() ? 1 : 0;
  if (!link_.connection().send(wire::Type::report, wire::bytes_of(report))) lose_daemon();
}

// --- What others ask for.

void Worker::place(std::span<const ImagePart> parts, ImageSharing::Patience patience) {
  ImagePages image(pages_, parts);
  if (link_.joined() && config_.sharing == Sharing::all) share(image, patience);
  image.copy_rest(pages_);
}

// Maps what the daemon has of the image. What it has not, or not in time, is left to be copied.
void Worker::share(ImagePages& image, ImageSharing::Patience patience) {
  ImageSharing sharing(states_, image, link_.connection(), link_.membership());
  const ImageSharing::Outcome outcome = sharing.run(patience);
  if (outcome == ImageSharing::Outcome::lost) return lose_daemon();
  if (sharing.knobs()) take_knobs(*sharing.knobs());
  const wire::Merged merged = remapper_.place(link_.store(), image, sharing.take_grants());
  for (const PageRange& range : merged.kept) counters_.merges += range.count;
  answer(merged);
}

// Pages that the guest gives up (a balloon, free-page reporting): they go back to the host at once, merged or
// not.
void Worker::discard(std::span<const GfnRange> ranges) {
  for (const GfnRange& range : ranges) {
    for (PageRange rest : pages_.pages_in(range)) {
      while (!rest.empty()) {  // in parts, so that a large range has no long list of pieces
        const BulkRemapper::Lost lost = remapper_.discard(rest.take_front(chunk_pages));
        send_list(wire::Type::broken, lost.broken);
        send_list(wire::Type::withdraw, lost.withdrawn);
      }
    }
  }
}

void Worker::handle_messages() {
  while (link_.joined() && link_.connection().readable()) {
    if (const auto frame = link_.connection().receive()) {
      handle(*frame);
    } else {
      lose_daemon();
    }
  }
}

void Worker::handle(const Frame& frame) {
  switch (static_cast<wire::Type>(frame.type)) {
    case wire::Type::verdict:
      if (auto verdict = wire::decode_verdict(frame.payload)) {
        donate(verdict->donate);
        merge(std::move(verdict->grants));
        return;
      }
      break;
    case wire::Type::knobs:
      if (const auto knobs = wire::read_one<wire::Knobs>(frame.payload)) return take_knobs(*knobs);
      break;
    case wire::Type::synced:
      return;  // late: an image was loaded without the daemon's last answers
    default:
      break;
  }
  lose_daemon();  // what we don't understand we don't obey
}

void Worker::donate(const std::vector<wire::Donation>& requests) {
  Membership& membership = link_.membership();
  for (const wire::Donation& request : requests) {
    if (!pages_.all().contains(request.page) || request.slot >= membership.welcome.staging_slots)
      return lose_daemon();
    // The guest may be writing the page: the daemon hashes what it got.
    std::memcpy(membership.staging.data() + PageCount{request.slot}.bytes(), pages_.host(request.page),
                page_size);
  }
  send_list(wire::Type::donated, requests);
}

void Worker::merge(std::vector<wire::Grant> grants) {
  if (grants.empty() || !link_.joined()) return;
  const std::uint32_t frames = link_.membership().welcome.max_frames;
  if (!std::all_of(grants.begin(), grants.end(),
                   [&](const wire::Grant& grant) { return is_within(grant, pages_.count(), frames); })) {
    return lose_daemon();
  }
  const BulkRemapper::Merging merging = remapper_.merge(link_.store(), std::move(grants));
  for (const PageRange& range : merging.merged.kept) counters_.merges += range.count;
  counters_.failed_merges += merging.failed;
  answer(merging.merged);
}

void Worker::answer(wire::Merged merged) {
  for (auto list : {&wire::Merged::kept, &wire::Merged::refused}) {
    std::vector<PageRange>& ranges = merged.*list;
    wire::sort_by_page(ranges);
    const auto send = [&](std::span<const PageRange> part) {
      wire::Merged message;
      (message.*list).assign(part.begin(), part.end());
      return link_.connection().send(wire::Type::merged, wire::encode(message));
    };
    if (link_.joined() && !wire::send_in_parts<PageRange>(ranges, wire::max_entries, send)) lose_daemon();
  }
}

AgentCounters Worker::counters() const {
  const GuestHolds& holds = remapper_.holds();
  return {counters_.passes, counters_.merges,   counters_.breaks,    counters_.failed_merges,
          holds.holds(),    holds.longest_us(), counters_.connected, upkeep_.lost()};
}

}  // namespace samepage::dedup
