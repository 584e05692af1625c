// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/worker.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.hpp"
#include "base/file_figures.hpp"
#include "base/process_memory.hpp"
#include "dedup/agent/stop_priority.hpp"
#include "dedup/daemon_connection.hpp"
#include "dedup/knobs.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t chunk_pages = 4096;  // of a pass, between two looks at the daemon's messages
// Of a run, between two looks at the clock while a guest is held.
constexpr std::uint32_t piece_pages = 64;
static_assert(piece_pages <= Remapper::most_at_once.value);
constexpr std::uint32_t zero_piece_pages = 256;
constexpr std::uint32_t discarded_piece_pages = 512;
// A run with fewer pages merged than one in so many is mostly broken.
constexpr std::uint32_t mostly_broken = 8;
// After so many whole passes with a new daemon, what it could merge of an old store it has merged. What is
// left there is copied, so much at a time: others may be about to offer the same pages.
constexpr unsigned passes_to_settle = 3;
constexpr std::uint64_t left_at_once = 16384;

// Of the process's mappings some are left for everything but merging.
std::size_t mappings_for_merging() {
  const std::size_t all = max_map_count();
  return all - std::min<std::size_t>(1024, all / 4);
}

std::uint64_t inode_of(const UniqueFd& store) {
  return figures_of_file(store.get()).inode;
}

}  // namespace

struct Worker::Atomics {
  std::atomic<std::uint64_t> passes{0}, merges{0}, breaks{0}, failed_merges{0}, stops{0}, stop_max_us{0};
  std::atomic<bool> connected{false};
  std::mutex lock;
  std::vector<StoreFigure> orphaned_stores;
};

Worker::Worker(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier,
               TrackerKind tracker, Pagemap::Backend backend, std::optional<std::size_t> vma_limit)
    : config_(std::move(config)),
      pages_(regions),
      barrier_(barrier),
      pagemap_(backend),
      tracker_(make_tracker(tracker, pages_, pagemap_)),
      vma_limit_(vma_limit.value_or(mappings_for_merging())),
      counters_(std::make_shared<Atomics>()) {}

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
  joining_.reset();
  Connection connection(config_, hang_up_, std::move(socket));
  connection.ask_to_join(config_, pages_.count(), former_ ? former_->membership : 0);
  joining_.emplace(std::move(connection));
}

void Worker::finish_joining() {
  Membership membership;
  try {
    membership = joining_->finish_joining();
    remapper_.emplace(pages_, std::move(membership.store));
    orphaned_stores_.reserve(orphaned_stores_.size() + 1);
  } catch (const DaemonHangs&) {
    throw;  // its answer may still come
  } catch (...) {
    joining_.reset();
    throw;
  }
  connection_ = std::exchange(joining_, std::nullopt);
  const std::uint64_t number = membership.welcome.membership;
  const bool back = former_ && number != 0 && former_->membership == number;
  if (!back) leave_former_store();
  former_.reset();
  daemon_is_private_ = membership.welcome.ends_when_idle != 0;
  take_knobs(membership.welcome.knobs);
  membership_.emplace(std::move(membership));
  passes_since_join_ = 0;
  if (!back) {
    breaks_before_join_ = counters_->breaks;
    failed_merges_before_join_ = counters_->failed_merges;
  }
  counters_->connected = true;
  if (back) retain_merged_pages();
  bring_in_orphans();
}

// The same daemon, the same store: it hears what is still mapped of it, and lets the rest go.
void Worker::retain_merged_pages() {
  std::vector<wire::PageRange> retained;
  for (std::uint32_t page = 0; page < pages_.count(); ++page) {
    if (pages_.has(page, GuestPages::merged)) wire::append_page(retained, page);
  }
  send_list(wire::Type::retained, retained);
  if (connection_ && !connection_->send(wire::Type::retained, {})) lose_daemon();
}

// Another daemon: nobody reaps the former one's store any more. What is mapped from it is offered like any
// other memory, and frames of the new store are mapped over it.
void Worker::leave_former_store() {
  for (std::uint32_t page = 0; page < pages_.count(); ++page) {
    if (pages_.has(page, GuestPages::merged)) pages_.clear(page, GuestPages::merged);
  }
  if (former_ && inode_of(former_->store) != inode_of(remapper_->store())) {
    orphaned_stores_.push_back(std::move(former_->store));
  }
}

void Worker::take_knobs(wire::Knobs knobs) {
  for (const KnobDescription& knob : knob_descriptions()) {
    knobs.*knob.field = std::clamp(knobs.*knob.field, knob.lowest, knob.highest);
  }
  knobs_ = knobs;
}

// What is mapped stays, and stays right: a daemon that lives keeps our references until our process is gone
// or we say otherwise, and the store of a dead one nobody reaps. finish_joining() finds out which of the two
// it is.
void Worker::lose_daemon() noexcept {
  counters_->connected = false;
  joining_.reset();
  connection_.reset();
  if (membership_ && remapper_) former_ = Former{membership_->welcome.membership, remapper_->take_store()};
  membership_.reset();
  remapper_.reset();
  for (std::uint32_t page = 0; page < pages_.count(); ++page) {
    if (pages_.has(page, GuestPages::offered)) pages_.clear(page, GuestPages::offered);
  }
  mappings_changed_ = true;
  try {
    tracker_->forget_all();
    count_former_store();
  } catch (const std::exception&) {
    // Without memory for it some pages are not offered until they are written again: nothing is lost.
  }
}

// Pages that are still mapped from the store of a daemon we have lost are offered to the new one in the next
// pass. Hashing every page needs their table entries, which cost no memory that is not in that store already.
void Worker::bring_in_orphans() {
  if (orphaned_stores_.empty()) return;
  for (const GuestPages::Region& region : pages_.regions()) {
    for (std::uint32_t first = region.first_page; first < region.end_page();) {
      std::uint32_t end = first;
      while (end < region.end_page() && pages_.has(end, GuestPages::on_store)) tracker_->forget(end++);
      if (end > first && !tracks_writes()) {
        const std::span<std::byte> run = region.bytes_of(first, end - first);
        ::madvise(run.data(), run.size(), MADV_POPULATE_READ);
      }
      first = end + 1;
    }
  }
}

// Of a mapping of a store: what the guest has not written.
std::uint64_t Worker::bytes_on_store(const MappedRange& mapping) const {
  // SAFETY: an address of our guest's memory, which is only looked up.
  const std::span range(reinterpret_cast<const std::byte*>(mapping.start), mapping.end - mapping.start);
  std::uint64_t own = 0;
  for (const PageRun& run : pagemap_.populated(range)) own += run.is_private() ? run.count : 0;
  return range.size() - PageCount{own}.bytes();
}

// Until we know whether its daemon is dead the former store counts as one of a dead one.
void Worker::count_former_store() {
  if (!former_) return;
  const FileFigures store = figures_of_file(former_->store.get());
  const std::lock_guard lock(counters_->lock);
  counters_->orphaned_stores.push_back(
      {store.inode, store.allocated_bytes, PageCount{merged_pages({0, pages_.count()})}.bytes()});
}

// Lets go of the stores that nothing is mapped from any more, and says what the others hold.
void Worker::count_orphans(const std::vector<MappedRange>& mappings) {
  std::vector<StoreFigure> figures;
  std::erase_if(orphaned_stores_, [&](const UniqueFd& store) {
    const FileFigures file = figures_of_file(store.get());
    StoreFigure figure{file.inode, file.allocated_bytes, 0};
    bool mapped = false;
    for (const MappedRange& range : mappings) {
      if (range.inode != file.inode) continue;
      mapped = true;
      figure.mapped_bytes += bytes_on_store(range);
    }
    if (mapped) figures.push_back(figure);
    return !mapped;
  });
  const std::lock_guard lock(counters_->lock);
  counters_->orphaned_stores = std::move(figures);
}

template <typename T>
void Worker::send_list(wire::Type type, const std::vector<T>& list) {
  if (connection_ && !connection_->send_list<T>(type, list)) lose_daemon();
}

void Worker::place(std::span<const ImagePart> parts, ImageSharing::Patience patience) {
  ImagePages image(pages_, parts);
  if (connection_ && config_.sharing == Sharing::all) share(image, patience);
  image.copy_rest(pages_);
}

// Maps what the daemon has of the image. What it has not, or not in time, is left to be copied.
void Worker::share(ImagePages& image, ImageSharing::Patience patience) {
  ImageSharing sharing(pages_, image, *connection_, *membership_);
  const ImageSharing::Outcome outcome = sharing.run(patience);
  if (outcome == ImageSharing::Outcome::lost) return lose_daemon();
  if (sharing.knobs()) take_knobs(*sharing.knobs());
  std::vector<wire::Grant> grants = sharing.take_grants();
  wire::Merged merged;
  for (const wire::Grant& grant : take_what_exceeds_the_budget(grants)) {
    merged.refused.push_back({grant.page, grant.count});
  }
  {
    const PausedGuest held(barrier_);  // nothing runs yet
    for (const wire::Grant& grant : grants) {
      const ImagePages::Run& run = *image.run_of(grant.page);
      remapper_->place(held, grant, {ImagePages::bytes_of(run, grant.page), PageCount{grant.count}.bytes()},
                       merged);
      for (std::uint32_t i = 0; i < grant.count; ++i)
        image.state(run, grant.page + i) = ImagePages::State::placed;
    }
    remapper_->keep_from_children(held);
  }
  vmas_ += 2 * grants.size();
  for (const wire::PageRange& range : merged.kept) counters_->merges += range.count;
  if (!grants.empty()) note_replaced_mappings();
  answer(std::move(merged));
}

bool Worker::run_pass(const std::function<bool()>& cancelled) {
  bool found = false;
  volatile_pages_ = 0;
  for (const GuestPages::Region& region : pages_.regions()) {
    for (std::uint32_t first = region.first_page; first < region.end_page(); first += chunk_pages) {
      if (cancelled() || !connection_) return found;
      Findings findings;
      scan(region, first, std::min(chunk_pages, region.end_page() - first), findings);
      found = found || findings.any;
      act_on(findings);
      handle_messages();
    }
  }
  ++counters_->passes;
  ++passes_since_join_;
  report(found);
  return found;
}

void Worker::look_for_breaks(const std::function<bool()>& cancelled) {
  constexpr std::uint8_t shared = GuestPages::merged | GuestPages::zero;
  for (const GuestPages::Region& region : pages_.regions()) {
    for (std::uint32_t first = region.first_page; first < region.end_page();) {
      if (!pages_.has(first, shared)) {
        ++first;
        continue;
      }
      if (cancelled() || !connection_) return;
      std::uint32_t end = first;
      while (end < std::min(first + chunk_pages, region.end_page()) && pages_.has(end, shared)) ++end;
      Findings findings;
      for (const PageRun& run : pagemap_.populated(region.bytes_of(first, end - first))) {
        if (!run.is_own()) continue;
        for (std::size_t i = 0; i < run.count; ++i)
          note_break(first + static_cast<std::uint32_t>(run.first + i), findings);
      }
      act_on(findings);
      first = end;
    }
  }
  report(false);
}

void Worker::scan(const GuestPages::Region& region, std::uint32_t first, std::uint32_t count,
                  Findings& findings) {
  const Tracker::Changes changes =
      tracker_->look(region, first, count,
                     [&](std::span<const wire::PageRange> ranges) { sweep(region, ranges, findings); });
  for (const PageRun& run : changes.populated) {
    if (!run.is_own()) continue;  // a frame, or the kernel's own zero page: read, never written
    for (std::size_t i = 0; i < run.count; ++i) {
      const auto page = static_cast<std::uint32_t>(run.first + i);
      note_break(page, findings);
      if (tracks_writes()) note_changed(page, findings);
    }
  }
  for (const wire::PageRange& range : changes.candidates) {
    for (std::uint32_t i = 0; i < range.count; ++i) consider(range.page + i, findings);
  }
}

// Pages of zeros among those that were never seen before are given back at once. Others have to be quiet
// first, for the guest may be about to fill them; but most of a guest's zero pages stay what they are, and
// protecting them only to find that out costs as much as giving them back.
void Worker::sweep(const GuestPages::Region& region, std::span<const wire::PageRange> ranges,
                   Findings& findings) {
  const auto is_new = [&](std::uint32_t page) { return !pages_.has(page, GuestPages::any); };
  std::vector<wire::PageRange> zero;
  for (const wire::PageRange& range : ranges) {
    std::uint32_t page = range.page;
    const std::uint32_t end = range.page + range.count;
    while (page < end && !is_new(page)) ++page;
    if (page == end) continue;
    for (const PageRun& run : pagemap_.populated(region.bytes_of(page, end - page), Pagemap::Files::none)) {
      if (!run.is_own()) continue;
      for (std::size_t i = 0; i < run.count; ++i) {
        const auto newcomer = page + static_cast<std::uint32_t>(run.first + i);
        if (!is_new(newcomer)) continue;
        pages_.set(newcomer, GuestPages::met);
        if (looks_zero(pages_.host(newcomer))) wire::append_page(zero, newcomer);
      }
    }
  }
  findings.any = findings.any || give_back(zero) > 0;
}

// The page has memory of the guest's own: if it was merged, or given back, it was written since.
void Worker::note_break(std::uint32_t page, Findings& findings) {
  if (pages_.has(page, GuestPages::merged)) note_written(page, findings);
  if (pages_.has(page, GuestPages::zero)) {
    if (!pagemap_.sees_zero_page() && is_zero_page(pages_.host(page))) {
      // Only read, or written with zeros: without PAGEMAP_SCAN nobody can tell. It is given back once more.
      pages_.clear(page, GuestPages::zero);
    } else {
      note_written(page, findings);
    }
  }
}

// The page is not what it was in the last pass: an offer of it does not stand.
void Worker::note_changed(std::uint32_t page, Findings& findings) {
  ++volatile_pages_;
  findings.any = true;
  if (!pages_.has(page, GuestPages::offered)) return;
  pages_.clear(page, GuestPages::offered);
  wire::append_page(findings.withdrawn, page);
}

void Worker::consider(std::uint32_t page, Findings& findings) {
  if (pages_.has(page, GuestPages::merged | GuestPages::zero)) return;  // nothing of its own to share
  const std::byte* const memory = pages_.host(page);
  // A page that is quiet for sure may be given back on a guess: all of it is compared while the guest is
  // held.
  const bool knows = tracks_writes();
  const bool zero = knows ? looks_zero(memory) : is_zero_page(memory);
  const Digest digest = zero || (knows && config_.sharing != Sharing::all)
                            ? Digest{}
                            : digest_of_page(memory, membership_->welcome.secret);
  if (!tracker_->quiet(page, digest)) {
    note_changed(page, findings);
  } else if (zero) {
    wire::append_page(findings.zero, page);
    findings.any = true;
  } else {
    offer(page, digest, findings);
  }
}

void Worker::offer(std::uint32_t page, Digest digest, Findings& findings) {
  if (config_.sharing != Sharing::all || pages_.has(page, GuestPages::offered)) return;
  pages_.set(page, GuestPages::offered);
  findings.offers.push_back({digest.value, page, 0});
  findings.any = true;
}

// The guest has written a page that was merged or given back.
void Worker::note_written(std::uint32_t page, Findings& findings) {
  if (pages_.has(page, GuestPages::merged)) wire::append_page(findings.broken, page);
  pages_.clear(page, GuestPages::merged | GuestPages::zero);
  tracker_->forget(page);
  ++counters_->breaks;
  findings.any = true;
}

void Worker::act_on(Findings& findings) {
  send_list(wire::Type::broken, findings.broken);
  send_list(wire::Type::withdraw, findings.withdrawn);
  give_back_or_offer(findings);
  // The daemon numbers frames in the order of the offers, and neighbours are to have neighbouring ones.
  std::sort(findings.offers.begin(), findings.offers.end(), wire::by_page);
  send_list(wire::Type::offer, findings.offers);
}

// Calls act(PausedGuest, item) for each item while the guest is held, and lets it go whenever the time for
// one stop is used up. Between two stops, of this call or another, it runs for as long as it was held,
// because a guest that is held again at once has not been let go.
template <typename Item, typename Act>
void Worker::while_held(const std::vector<Item>& items, Act act) {
  const auto budget = std::chrono::microseconds(knobs_.stop_budget_us);
  for (std::size_t next = 0; next < items.size();) {
    std::this_thread::sleep_until(next_stop_);
    // Where others want this processor they have it now, and not while the guest is held: after this the
    // thread has a whole slice of time before it, which is longer than a stop.
    std::this_thread::yield();
    const auto start = Clock::now();
    bool somebody = false;
    {
      const StopPriority priority;
      const PausedGuest held(barrier_);
      somebody = barrier_.stops_somebody();
      do {
        act(held, items[next++]);
      } while (next < items.size() && Clock::now() - start < budget);
      if (remapper_) remapper_->keep_from_children(held);
    }
    const auto stop = Clock::now() - start;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(stop).count();
    ++counters_->stops;
    counters_->stop_max_us = std::max(counters_->stop_max_us.load(), static_cast<std::uint64_t>(us));
    if (somebody) next_stop_ = Clock::now() + stop;
  }
}

// Gives the pages back that are zero indeed. Returns how many.
std::uint64_t Worker::give_back(const std::vector<wire::PageRange>& zero) {
  std::vector<wire::PageRange> pieces;
  for (const wire::PageRange& range : zero) {
    for (std::uint32_t page = range.page; page < range.page + range.count;) {
      const std::uint32_t end =
          std::min({page + zero_piece_pages, range.page + range.count, pages_.region_of(page).end_page()});
      pieces.push_back({page, end - page});
      page = end;
    }
  }
  const bool replaces = leave_out_what_needs_mappings(pieces);
  std::vector<wire::PageRange> given;
  while_held(pieces, [&](const PausedGuest& held, const wire::PageRange& piece) {
    Remapper::give_back(held, pages_, piece, given);
  });
  std::uint64_t pages = 0;
  for (const wire::PageRange& range : given) pages += range.count;
  if (replaces) note_replaced_mappings();
  return pages;
}

// Pages that only looked like zero are offered.
void Worker::give_back_or_offer(Findings& findings) {
  give_back(findings.zero);
  if (!connection_ || !tracks_writes()) return;
  for (const wire::PageRange& range : findings.zero) {
    for (std::uint32_t page = range.page; page < range.page + range.count; ++page) {
      if (pages_.has(page, GuestPages::zero)) continue;
      offer(page, digest_of_page(pages_.host(page), membership_->welcome.secret), findings);
    }
  }
}

// Anonymous memory over a part of a run makes two mappings more. A guest could take all that the process may
// have, by zeroing or giving up every other page; then its pages stay what they are. True when mappings are
// to be replaced, and not only the memory behind them.
bool Worker::leave_out_what_needs_mappings(std::vector<wire::PageRange>& pieces) {
  const auto runs_on_store = [&](const wire::PageRange& piece) {
    std::uint64_t runs = 0;
    for (std::uint32_t i = 0; i < piece.count; ++i) {
      const bool on_store = pages_.has(piece.page + i, GuestPages::on_store);
      if (on_store && (i == 0 || !pages_.has(piece.page + i - 1, GuestPages::on_store))) ++runs;
    }
    return runs;
  };
  std::uint64_t wanted = 0;
  for (const wire::PageRange& piece : pieces) wanted += 2 * runs_on_store(piece);
  if (wanted > 0 && vmas_ + wanted >= vma_limit_) count_vmas();
  if (wanted > 0 && vmas_ + wanted >= vma_limit_) {
    std::erase_if(pieces, [&](const wire::PageRange& piece) { return runs_on_store(piece) > 0; });
    return false;
  }
  vmas_ += wanted;
  return wanted > 0;
}

// Pages that the guest gives up (a balloon, free-page reporting): they go back to the host at once, merged or
// not.
void Worker::discard(std::span<const GfnRange> ranges) {
  for (const GfnRange& range : ranges) {
    for (const GuestPages::Region& region : pages_.regions()) {
      const Gfn first = std::max(range.first, region.memory.first);
      const Gfn end = std::min(range.end(), region.memory.first + region.memory.pages);
      if (!(first < end)) continue;
      const auto ordinal = [&](Gfn gfn) {
        return region.first_page + static_cast<std::uint32_t>((gfn - region.memory.first).value);
      };
      // In parts, so that a large range has no long list of pieces.
      for (std::uint32_t page = ordinal(first); page < ordinal(end); page += chunk_pages) {
        discard_pages(page, std::min(page + chunk_pages, ordinal(end)));
      }
    }
  }
}

// Of one region.
void Worker::discard_pages(std::uint32_t first, std::uint32_t end) {
  // Pieces of pages of one kind: what is mapped from a store is replaced, the rest only loses its memory.
  std::vector<wire::PageRange> pieces;
  for (std::uint32_t page = first; page < end; ++page) {
    const bool on_store = pages_.has(page, GuestPages::on_store);
    const bool joins = !pieces.empty() && pieces.back().count < discarded_piece_pages &&
                       pages_.has(page - 1, GuestPages::on_store) == on_store;
    if (joins) {
      ++pieces.back().count;
    } else {
      pieces.push_back({page, 1});
    }
  }
  const bool replaces = leave_out_what_needs_mappings(pieces);
  Findings findings;
  while_held(pieces, [&](const PausedGuest& held, const wire::PageRange& piece) {
    std::vector<wire::PageRange> broken;
    std::vector<wire::PageRange> withdrawn;
    for (std::uint32_t page = piece.page; page < piece.page + piece.count; ++page) {
      if (pages_.has(page, GuestPages::merged)) wire::append_page(broken, page);
      if (pages_.has(page, GuestPages::offered)) wire::append_page(withdrawn, page);
    }
    if (!Remapper::discard(held, pages_, piece)) return;  // the guest keeps its pages: nothing is wrong
    findings.broken.insert(findings.broken.end(), broken.begin(), broken.end());
    findings.withdrawn.insert(findings.withdrawn.end(), withdrawn.begin(), withdrawn.end());
    for (std::uint32_t page = piece.page; page < piece.page + piece.count; ++page) tracker_->dropped(page);
  });
  if (replaces) note_replaced_mappings();
  // Only now: a frame may be reaped as soon as the daemon hears that nobody maps it.
  send_list(wire::Type::broken, findings.broken);
  send_list(wire::Type::withdraw, findings.withdrawn);
}

void Worker::handle_messages() {
  while (connection_ && connection_->readable()) {
    if (const auto frame = connection_->receive()) {
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
      if (const auto knobs = wire::read_one<wire::Knobs>(frame.payload)) {
        take_knobs(*knobs);
        return;
      }
      break;
    case wire::Type::synced:
      return;  // late: an image was loaded without the daemon's last answers
    default:
      break;
  }
  lose_daemon();  // what we don't understand we don't obey
}

void Worker::donate(const std::vector<wire::Donation>& requests) {
  for (const wire::Donation& request : requests) {
    if (request.page >= pages_.count() || request.slot >= membership_->welcome.staging_slots)
      return lose_daemon();
    // The guest may be writing the page: the daemon hashes what it got.
    std::memcpy(membership_->staging.data() + PageCount{request.slot}.bytes(), pages_.host(request.page),
                page_size);
  }
  send_list(wire::Type::donated, requests);
}

// Joins grants of neighbouring pages and frames, because the daemon has them in the order of its own events,
// and cuts what is there into pieces that lie in one region and are quickly done. Empty when one of them
// makes no sense.
std::optional<std::vector<wire::Grant>> Worker::pieces_of(std::vector<wire::Grant> grants) const {
  std::vector<wire::Grant> pieces;
  for (std::size_t i = 0; i < grants.size();) {
    wire::Grant grant = grants[i];
    if (grant.page >= pages_.count() || grant.count > pages_.count() - grant.page ||
        grant.frame >= membership_->welcome.max_frames ||
        grant.count > membership_->welcome.max_frames - grant.frame) {
      return std::nullopt;
    }
    if (++i < grants.size() && wire::continues(grant, grants[i])) {
      grants[i] = {grant.page, grant.frame, grant.count + grants[i].count};
      continue;
    }
    while (grant.count > 0) {
      const std::uint32_t count =
          std::min({grant.count, piece_pages, pages_.region_of(grant.page).end_page() - grant.page});
      pieces.push_back({grant.page, grant.frame, count});
      grant = {grant.page + count, grant.frame + count, grant.count - count};
    }
  }
  return pieces;
}

// A mapping in the middle of another makes two more. When the process may not have that many, the guest keeps
// its pages: the longest runs save the most for what they cost. Returns the pieces that have to stay out.
std::vector<wire::Grant> Worker::take_what_exceeds_the_budget(std::vector<wire::Grant>& pieces) {
  if (vmas_ + 2 * pieces.size() < vma_limit_) return {};
  count_vmas();
  if (vmas_ + 2 * pieces.size() < vma_limit_) return {};
  const std::size_t kept = std::min(pieces.size(), vmas_ < vma_limit_ ? (vma_limit_ - vmas_) / 2 : 0);
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  std::vector<wire::Grant> out(pieces.begin() + static_cast<std::ptrdiff_t>(kept), pieces.end());
  pieces.resize(kept);
  std::sort(pieces.begin(), pieces.end(), wire::by_page);
  return out;
}

void Worker::merge(std::vector<wire::Grant> grants) {
  if (grants.empty() || !connection_) return;
  std::sort(grants.begin(), grants.end(), wire::by_page);
  auto pieces = pieces_of(std::move(grants));
  if (!pieces) return lose_daemon();
  const std::vector<wire::Grant> beyond_budget = take_what_exceeds_the_budget(*pieces);
  wire::Merged merged;
  for (std::size_t done = 0; done < pieces->size();) {
    const std::vector<Remapper::Candidate> candidates =
        remapper_->read_frames(std::span(*pieces).subspan(done));
    while_held(candidates, [&](const PausedGuest& held, const Remapper::Candidate& candidate) {
      remapper_->merge(held, candidate, merged);
    });
    done += candidates.size();
  }
  for (const wire::PageRange& range : merged.kept) {
    counters_->merges += range.count;
    vmas_ += 2;
  }
  if (!merged.kept.empty()) note_replaced_mappings();
  for (const wire::PageRange& range : merged.refused) {
    counters_->failed_merges += range.count;
    // Offered again when it has been quiet once more.
    for (std::uint32_t i = 0; i < range.count; ++i) {
      pages_.clear(range.page + i, GuestPages::offered);
      tracker_->forget(range.page + i);
    }
  }
  // These still count as offered here: they are offered again when there are mappings to be had.
  for (const wire::Grant& piece : beyond_budget) {
    merged.refused.push_back({piece.page, piece.count});
    beyond_budget_.push_back({piece.page, piece.count});
  }
  answer(std::move(merged));
}

void Worker::answer(wire::Merged merged) {
  for (auto list : {&wire::Merged::kept, &wire::Merged::refused}) {
    std::vector<wire::PageRange>& ranges = merged.*list;
    std::sort(ranges.begin(), ranges.end(), wire::by_page);
    const auto send = [&](std::span<const wire::PageRange> part) {
      wire::Merged message;
      (message.*list).assign(part.begin(), part.end());
      return connection_->send(wire::Type::merged, wire::encode(message));
    };
    if (connection_ && !wire::send_in_parts<wire::PageRange>(ranges, wire::max_entries, send)) lose_daemon();
  }
}

void Worker::note_replaced_mappings() {
  mappings_changed_ = true;
  tracker_->mappings_replaced();
}

std::vector<MappedRange> Worker::count_vmas() {
  std::vector<MappedRange> mappings;
  for (const GuestPages::Region& region : pages_.regions()) {
    const std::uint64_t start = address_of(region.memory.host);
    const auto more = mappings_in(start, start + region.memory.pages.bytes());
    mappings.insert(mappings.end(), more.begin(), more.end());
  }
  vmas_ = mappings.size() - std::min(mappings.size(), pages_.regions().size());
  count_orphans(mappings);
  mappings_changed_ = false;
  return mappings;
}

// The runs whose mapping of a store is to go, in pieces. That of a run which is mostly broken costs what it
// did when it saved memory: that is of no importance until mappings become scarce; then runs that save next
// to nothing make room for others. One of a lost daemon's store keeps all of that store in memory, for
// whatever it is that is mapped from it.
std::vector<wire::PageRange> Worker::runs_not_worth_a_mapping(const std::vector<MappedRange>& mappings,
                                                              bool scarce) {
  const bool settled = passes_since_join_ >= passes_to_settle && !orphaned_stores_.empty();
  if (!scarce && !settled) return {};
  const std::uint64_t store = inode_of(remapper_->store());
  std::uint64_t left = 0;  // pages of old stores
  std::vector<wire::PageRange> runs;
  for (const MappedRange& mapping : mappings) {
    if (mapping.inode == 0) continue;
    wire::PageRange run = pages_of(mapping);
    if (settled && mapping.inode != store && left < left_at_once) {
      left += run.count;
    } else if (!scarce || merged_pages(run) * mostly_broken > run.count) {
      continue;
    }
    for (; run.count > 0; run.page += piece_pages) {
      const std::uint32_t count = std::min(run.count, piece_pages);
      runs.push_back({run.page, count});
      run.count -= count;
    }
  }
  return runs;
}

// Of a mapping that count_vmas() has found: it lies in one region.
wire::PageRange Worker::pages_of(const MappedRange& mapping) const {
  const auto& regions = pages_.regions();
  const auto region = std::find_if(regions.begin(), regions.end(), [&](const GuestPages::Region& one) {
    const std::uint64_t start = address_of(one.memory.host);
    return mapping.start >= start && mapping.start < start + one.memory.pages.bytes();
  });
  invariant(region != regions.end(), "a mapping outside the guest's memory");
  const std::uint64_t at = (mapping.start - address_of(region->memory.host)) >> page_shift;
  return {region->first_page + static_cast<std::uint32_t>(at),
          static_cast<std::uint32_t>((mapping.end - mapping.start) >> page_shift)};
}

std::uint32_t Worker::merged_pages(const wire::PageRange& range) const {
  std::uint32_t merged = 0;
  for (std::uint32_t i = 0; i < range.count; ++i) merged += pages_.has(range.page + i, GuestPages::merged);
  return merged;
}

void Worker::unmerge(const std::vector<wire::PageRange>& runs) {
  if (runs.empty()) return;
  Findings findings;
  while_held(runs, [&](const PausedGuest& held, const wire::PageRange& run) {
    std::vector<wire::PageRange> lost;  // references, if it comes to that
    for (std::uint32_t page = run.page; page < run.page + run.count; ++page) {
      if (pages_.has(page, GuestPages::merged)) wire::append_page(lost, page);
    }
    if (!Remapper::unmerge(held, pages_, run, [&](auto mapping) { tracker_->track(mapping); })) return;
    findings.broken.insert(findings.broken.end(), lost.begin(), lost.end());
    for (std::uint32_t page = run.page; page < run.page + run.count; ++page) tracker_->forget(page);
  });
  note_replaced_mappings();
  act_on(findings);
}

void Worker::offer_again_what_was_beyond_the_budget() {
  for (const wire::PageRange& range : beyond_budget_) {
    for (std::uint32_t page = range.page; page < range.page + range.count; ++page) {
      if (!pages_.has(page, GuestPages::offered)) continue;
      pages_.clear(page, GuestPages::offered);
      tracker_->forget(page);
    }
  }
  beyond_budget_.clear();
}

// Memory behind books that were reserved for all pages and are committed with those that matter.
std::uint64_t Worker::committed(std::span<const std::byte> books) const {
  std::size_t pages = 0;
  for (const PageRun& run : pagemap_.populated(books)) pages += run.is_private() ? run.count : 0;
  return PageCount{pages}.bytes();
}

// Counts the mappings, and lets go of those that are not worth their cost.
void Worker::tidy_mappings(bool found) {
  if (!mappings_changed_ && beyond_budget_.empty() && orphaned_stores_.empty()) return;
  // The kernel's list of mappings costs as much as making some of them: not after each of many busy passes.
  if (found && Clock::now() - vmas_counted_ < std::chrono::seconds(1)) return;
  const std::vector<MappedRange> mappings = count_vmas();
  vmas_counted_ = Clock::now();
  const bool scarce = vmas_ >= vma_limit_ / 4 * 3;
  unmerge(runs_not_worth_a_mapping(mappings, scarce));
  if (!scarce) offer_again_what_was_beyond_the_budget();
}

void Worker::report(bool found) {
  if (connection_) tidy_mappings(found);
  if (!connection_) return;
  if (!found) remapper_->forget_frames();
  wire::Report report;
  report.passes = counters_->passes;
  report.breaks = counters_->breaks - breaks_before_join_;
  report.zero_pages = pages_.zero_count();
  report.volatile_pages = volatile_pages_;
  report.stops = counters_->stops;
  report.stop_max_us = counters_->stop_max_us;
  report.vmas = vmas_;
  report.agent_bytes = committed(pages_.books()) + committed(tracker_->books());
  report.failed_merges = counters_->failed_merges - failed_merges_before_join_;
  report.tracks_writes = tracks_writes() ? 1 : 0;
  if (!connection_->send(wire::Type::report, wire::bytes_of(report))) lose_daemon();
}

AgentCounters Worker::counters() const {
  const std::lock_guard lock(counters_->lock);
  return {counters_->passes, counters_->merges,      counters_->breaks,    counters_->failed_merges,
          counters_->stops,  counters_->stop_max_us, counters_->connected, counters_->orphaned_stores};
}

}  // namespace samepage::dedup
