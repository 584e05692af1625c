// SPDX-License-Identifier: Apache-2.0
// What others ask the worker for: the thread around it, the guest, and those that copy the guest's memory or
// put it back.
#include <algorithm>
#include <utility>

#include "base/file_figures.hpp"
#include "dedup/agent/guest_mappings.hpp"
#include "dedup/agent/image_pages.hpp"
#include "dedup/agent/image_sharing.hpp"
#include "dedup/agent/worker.hpp"

namespace samepage::dedup {

void Worker::brake(Brake why, bool on) {
  const unsigned bit = 1U << static_cast<unsigned>(why);
  const unsigned before = std::exchange(brakes_, on ? brakes_ | bit : brakes_ & ~bit);
  if ((before != 0) == (brakes_ != 0)) return;
  brakes_ != 0 ? barrier_.stand_still() : barrier_.go_on();
}

void Worker::note_room(const MemoryRoom& room) {
  room_ = room;
  totals_.available_bytes = room.available;
}

// How long that takes must not tell what others of a uniform domain have: there, an image is copied, and its
// pages are merged like all others.
void Worker::place(std::span<const ImagePart> parts, ImageSharing::Patience patience) {
  ImagePages image(pages_, parts);
  if (daemon_.joined() && config_.sharing == Sharing::all) share(image, patience);
  image.copy_rest(pages_);
}

// Maps what the daemon has of the image. What it has not, or not in time, is left to be copied.
void Worker::share(ImagePages& image, ImageSharing::Patience patience) {
  ImageSharing sharing(states_, image, daemon_.link().connection(), daemon_.link().membership());
  const ImageSharing::Outcome outcome = sharing.run(patience);
  if (outcome == ImageSharing::Outcome::lost) return lose_daemon();
  if (sharing.knobs()) daemon_.take_knobs(*sharing.knobs());
  for (Message& message : sharing.take_deferred()) daemon_.handle(std::move(message));
  const wire::Merged merged = remapper_.place(daemon_.link().files(), image, sharing.take_grants());
  for (const PageRange& range : merged.kept) totals_.merges += range.count;
  daemon_.answer(merged);
}

// Pages that the guest gives up (a balloon, free-page reporting): they go back to the host at once, merged or
// not.
void Worker::discard(std::span<const GfnRange> ranges) {
  for (const GfnRange& range : ranges) {
    for (PageRange rest : pages_.pages_in(range)) {
      while (!rest.empty()) {  // in parts, so that a large range has no long list of pieces
        const BulkRemapper::Lost lost = remapper_.discard(rest.take_front(chunk_pages));
        daemon_.send_list(wire::Type::broken, lost.broken);
        daemon_.send_list(wire::Type::withdraw, lost.withdrawn);
      }
    }
  }
}

void Worker::is_backed(const Backing& backing) {
  for (const BackedRun& run : backing.runs) states_.backed(run.pages);
  upkeep_.add_mapped_backings();
  origins_.start(backing.runs);
}

void Worker::back(const Backing& backing) {
  daemon_.send_list(wire::Type::withdraw, remapper_.back(backing));
}

void Worker::forked(UniqueFd file, std::vector<BackedRun> runs) {
  const FileFigures figures = figures_of_file(file.get());
  upkeep_.add_backing(figures.device, figures.inode);
  for (BackedRun& run : runs) run.file = file.get();
  back({runs});
  origins_.forked(std::move(file), figures, std::move(runs));
}

std::uint64_t Worker::put_back(const Backing& backing) {
  return remapper_.put_back(backing, still_mapped(backing.runs, mappings_of(pages_).of_files), pagemap_,
                            lost_);
}

void Worker::tell_lost() {
  const BulkRemapper::Lost lost = std::exchange(lost_, {});
  daemon_.send_list(wire::Type::broken, lost.broken);
  daemon_.send_list(wire::Type::withdraw, lost.withdrawn);
}

// What is protected here is not found by the next look: a break among it is noted at once.
bool Worker::begin_watch() {
  for (const GuestPages::Region& region : pages_.regions()) {
    Findings findings(states_);
    const bool told = tracker_->watch(region.pages, [&](const PageRange& own) {
      for (const PageIndex page : own) scan_.note_break(page, findings);
    });
    totals_.breaks += findings.breaks();
    daemon_.send_list(wire::Type::used, findings.used());
    daemon_.send_list(wire::Type::broken, findings.broken());
    if (!told) return false;
  }
  return true;
}

bool Worker::written_since_watch(const std::function<void(const GfnRange&)>& visit) const {
  for (const GuestPages::Region& region : pages_.regions()) {
    const bool told = tracker_->written_since(region.pages, [&](const PageRange& pages) {
      visit({region.memory.first + PageCount{pages.first - region.pages.first}, PageCount{pages.count}});
    });
    if (!told) return false;
  }
  return true;
}

}  // namespace samepage::dedup
