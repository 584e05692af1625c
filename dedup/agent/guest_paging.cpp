// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/guest_paging.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <chrono>
#include <utility>
#include <vector>

#include "base/file_figures.hpp"
#include "base/log.hpp"
#include "base/read_ahead.hpp"
#include "dedup/agent/guest_mappings.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t looked_at_together = 4096;
constexpr std::uint32_t read_together = 64;  // from a file that may have lost some

}  // namespace

void GuestPaging::begin(std::uint64_t pages, PageOuts::Which which) {
  if (!can_page_out()) return;
  if (which == PageOuts::Which::all) drop_resident();
  guest_.page_outs.begin(pages, which);
  frames_next_ = which;
  go_on();
}

std::optional<GuestPaging::Clock::time_point> GuestPaging::due() const {
  // Pages that go out are answered at once, or not at all.
  if (guest_.page_outs.active() || guest_.page_outs.leaving() != 0)
    return Clock::now() + std::chrono::milliseconds(10);
  return cold_frames_.due();
}

// What the guest has to itself goes first: it is its own to give.
void GuestPaging::go_on_with_frames() {
  if (guest_.page_outs.active()) return;
  if (const auto which = std::exchange(frames_next_, {}); which && guest_.page_outs.left() > 0) {
    const bool all = *which == PageOuts::Which::all;
    // Others are asked for these frames too: a part of what is cold here may be no part of theirs.
    const std::uint64_t most =
        *which == PageOuts::Which::by_order ? guest_.page_outs.left() : guest_.pages.count();
    cold_frames_.want(most, all ? ColdFrames::Which::all : ColdFrames::Which::unused, Clock::now());
  }
  const ColdFrames::Step step = cold_frames_.next(Clock::now());
  guest_.daemon.send_list(wire::Type::cold, step.cold);
  if (step.warm) guest_.daemon.send_list(wire::Type::warm, std::vector{guest_.pages.all()});
  if (guest_.daemon.joined())
    guest_.remapper.map_again(guest_.daemon.link().files().store(), step.used, guest_.pagemap);
}

void GuestPaging::want_frames_out() {
  if (guest_.page_outs.active() || !can_page_out()) return;
  cold_frames_.want(guest_.pages.count(), ColdFrames::Which::unused, Clock::now());
}

// What is out and was read since is in memory too, until somebody needs the memory more.
void GuestPaging::drop_resident() {
  for (const PageRange& range : guest_.pages.pieces_of(guest_.states.all_paged(), looked_at_together)) {
    const std::span<std::byte> memory = guest_.pages.bytes_of(range);
    // Where the kernel is too old for it, or the file another user's, the pages stay.
    ::madvise(memory.data(), memory.size(), MADV_PAGEOUT);
  }
  // What nobody has mapped: the kernel has read it ahead.
  for (unsigned file = 0; file < max_paging_files; ++file) {
    const UniqueFd& slots = guest_.daemon.link().files().slots(file);
    if (slots) ::posix_fadvise(slots.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

void GuestPaging::go_on() {
  if (!guest_.daemon.joined()) return guest_.page_outs.end();
  for (unsigned file = 0; file < max_paging_files && !guest_.page_outs.active(); ++file) {
    if ((guest_.page_outs.leaving() >> file & 1U) != 0) take_back(file);
  }
  const PageOuts::Batch batch = guest_.page_outs.next(guest_.daemon.link().secret(), Clock::now());
  guest_.daemon.send_list(wire::Type::withdraw, batch.withdrawn);
  guest_.page_outs.answered(0, guest_.remapper.give_back(batch.zero), Clock::now());
  guest_.daemon.send_list(wire::Type::page_out, batch.offers);
  go_on_with_frames();
}

// In parts, so that not all of it has to be in memory at once: what has come back goes out to other files
// before the next part.
void GuestPaging::take_back(unsigned file) {
  constexpr std::uint64_t part_pages = 4096;
  const UniqueFd& descriptor = guest_.daemon.link().files().slots(file);
  if (!descriptor) return guest_.page_outs.settled(file);  // it has never heard of it
  const FileFigures slots = figures_of_file(descriptor.get());
  std::vector<PageRange> ranges;
  std::uint64_t pages = 0, lost = 0;
  for (const FileMapping& mapping : mappings_of(guest_.pages).of_files) {
    if (mapping.inode != slots.inode || mapping.device != slots.device) continue;
    for (PageRange rest = mapping.pages; !rest.empty() && pages < part_pages;) {
      const PageRange piece = rest.take_front(read_together);
      if (!guest_.remapper.read_in(piece)) {
        lost += piece.count;
        continue;
      }
      wire::append_range(ranges, piece);
      pages += piece.count;
    }
  }
  if (ranges.empty()) {
    if (lost > 0) {
      log_error("a paging file can't be left",
                fmt::format("{} pages near ones that its disk has lost stay there", lost));
    }
    guest_.page_outs.settled(file);
    fault_point("file-left");
    guest_.daemon.link().files().set_slots(file, {});
    return;
  }
  guest_.daemon.send_list(wire::Type::broken, guest_.remapper.unmerge(ranges));
  if (can_page_out()) guest_.page_outs.begin(std::move(ranges));
}

void GuestPaging::begin_return() {
  cold_frames_.goes_on(Clock::now());
  if (guest_.daemon.joined()) go_on_with_frames();
  guest_.page_outs.begin_return();
}

void GuestPaging::bring_back(std::uint32_t pages) {
  for (const PageRange& range : guest_.page_outs.next_to_return(pages))
    read_ahead(guest_.pages.bytes_of(range));
}

bool GuestPaging::can_page_out() const {
  if (!guest_.daemon.joined()) return false;
  for (unsigned file = 0; file < max_paging_files; ++file) {
    if (guest_.daemon.link().files().slots(file) && (guest_.page_outs.leaving() >> file & 1U) == 0)
      return true;
  }
  return false;
}

}  // namespace samepage::dedup
