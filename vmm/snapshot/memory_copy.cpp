// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/memory_copy.hpp"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/file_figures.hpp"
#include "base/read_ahead.hpp"
#include "dedup/digest.hpp"

namespace samepage::vmm {
namespace {

// Compared or copied with one call.
constexpr std::uint32_t pages_at_once = 64;
constexpr std::uint64_t pages_between_signs = 65536;
// A guest is made of so many mappings at most, where that can be had.
constexpr std::size_t most_runs = 2048;

bool has_memory(dedup::PageState state) {
  return state != dedup::PageState::untouched && state != dedup::PageState::zero;
}

}  // namespace

MemoryCopy::MemoryCopy(std::span<const dedup::MemoryRegion> regions, MemoryFile to, std::uint32_t window,
                       std::uint32_t file)
    : to_(to), own_(place_of(window, file)) {
  std::uint32_t pages = 0;
  for (const dedup::MemoryRegion& region : regions) {
    regions_.push_back({region, pages});
    pages += static_cast<std::uint32_t>(region.pages.value);
  }
  places_.assign(pages, nowhere);
}

void MemoryCopy::reuse(std::span<const SnapshotRun> runs) {
  for (const SnapshotRun& run : runs) {
    std::fill_n(places_.begin() + run.pages.first.value, run.pages.count, place_of(run.window, run.file));
  }
}

void MemoryCopy::reuse_equal(std::span<const dedup::PageMapRun> map, const SnapshotMemory& base) {
  std::vector<std::byte> content(PageCount{pages_at_once}.bytes());
  std::uint64_t compared = 0;
  const auto compare = [&](const Region& region, const SnapshotRun& run) {
    const std::span<std::byte> bytes = std::span(content).first(PageCount{run.pages.count}.bytes());
    base.read(run, bytes);
    compared += run.pages.count;
    // Whoever waits looks at the file: it is worked at, though nothing may have to be written.
    if (compared % pages_between_signs < run.pages.count) touch(to_.fd);
    const std::byte* const memory =
        region.memory.host + PageCount{run.pages.first.value - region.first}.bytes();
    for (std::uint32_t i = 0; i < run.pages.count; ++i) {
      const std::size_t at = PageCount{i}.bytes();
      Place& place = places_[run.pages.first.value + i];
      if (place == nowhere && std::memcmp(memory + at, bytes.data() + at, page_size) == 0) {
        place = place_of(run.window, run.file);
      }
    }
  };
  for (const dedup::PageMapRun& part : map) {
    if (!has_memory(part.state)) continue;
    for_each_part(part.range, [&](const Region& region, std::uint32_t first, std::uint32_t end) {
      for (std::uint32_t page = first; page < end;) {
        const std::uint32_t next = std::min(same_until(page, end), page + pages_at_once);
        if (places_[page] == nowhere) {
          base.each_run({{page}, next - page}, [&](const SnapshotRun& run) { compare(region, run); });
        }
        page = next;
      }
    });
  }
}

// The shortest go first: each saves as many mappings as a long one, and costs less.
void MemoryCopy::gather(const SnapshotMemory& base) {
  std::vector<std::byte> content;
  for (std::uint32_t longest = 1; longest < places_.size() && runs().size() > most_runs; longest *= 2) {
    for (const SnapshotRun& run : places()) {
      if (run.file == own_.file || run.pages.count > longest) continue;
      content.resize(PageCount{run.pages.count}.bytes());
      base.read(run, content);
      write_at(to_.fd, content, offset_of(run.pages.first.value), "write of the guest's memory");
      std::fill_n(places_.begin() + run.pages.first.value, run.pages.count, own_);
      copied_ += run.pages.count;
    }
  }
}

void MemoryCopy::copy(std::span<const dedup::PageMapRun> map) {
  for (const dedup::PageMapRun& run : map) {
    if (!has_memory(run.state)) continue;
    for_each_part(run.range, [this](const Region& region, std::uint32_t page, std::uint32_t end) {
      while (page < end) {
        const std::uint32_t next = same_until(page, end);
        if (places_[page] == nowhere) copy(region, page, next);
        page = next;
      }
    });
  }
}

void MemoryCopy::copy(const GfnRange& range) {
  for_each_part(range, [this](const Region& region, std::uint32_t first, std::uint32_t end) {
    copy(region, first, end);
  });
}

template <typename Act>
void MemoryCopy::for_each_part(const GfnRange& range, Act act) {
  for (const Region& region : regions_) {
    const Gfn first = std::max(range.first, region.memory.first);
    const Gfn end = std::min(range.end(), region.memory.first + region.memory.pages);
    if (!(first < end)) continue;
    const auto page = region.first + static_cast<std::uint32_t>((first - region.memory.first).value);
    act(region, page, page + static_cast<std::uint32_t>((end - first).value));
  }
}

std::uint64_t MemoryCopy::offset_of(std::uint32_t page) const {
  return to_.offset + offset_in_windows({page}, own_.window, {places_.size()});
}

std::uint32_t MemoryCopy::same_until(std::uint32_t first, std::uint32_t end) const {
  std::uint32_t next = first + 1;
  while (next < end && places_[next] == places_[first]) ++next;
  return next;
}

void MemoryCopy::copy(const Region& region, std::uint32_t first, std::uint32_t end) {
  constexpr auto part_pages = static_cast<std::uint32_t>(pages_in(read_ahead_bytes).value);
  for (; first < end; first += std::min(part_pages, end - first)) {
    const std::uint32_t part_end = std::min(first + part_pages, end);
    read_ahead(region.memory.bytes().subspan(PageCount{first - region.first}.bytes(),
                                             PageCount{part_end - first}.bytes()));
    copy_part(region, first, part_end);
  }
}

// In runs: a system call for a page costs as much as copying some.
void MemoryCopy::copy_part(const Region& region, std::uint32_t first, std::uint32_t end) {
  const std::span<const std::byte> memory = region.memory.bytes();
  const auto host = [&](std::uint32_t page) {
    return memory.data() + PageCount{page - region.first}.bytes();
  };
  while (first < end) {
    const bool zero = dedup::is_zero_page(host(first));
    std::uint32_t next = first + 1;
    while (next < end && dedup::is_zero_page(host(next)) == zero) ++next;
    if (zero) {
      drop(first, next);
    } else {
      write_at(to_.fd, {host(first), PageCount{next - first}.bytes()}, offset_of(first),
               "write of the guest's memory");
      std::fill(places_.begin() + first, places_.begin() + next, own_);
      copied_ += next - first;
    }
    first = next;
  }
}

// What was copied before is zero now. Earlier windows are others' too.
void MemoryCopy::drop(std::uint32_t first, std::uint32_t end) {
  while (first < end) {
    const std::uint32_t next = same_until(first, end);
    if (places_[first] == own_) {
      check(::fallocate(to_.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        static_cast<off_t>(offset_of(first)),
                        static_cast<off_t>(PageCount{next - first}.bytes())),
            "fallocate of the guest's memory");
    }
    std::fill(places_.begin() + first, places_.begin() + next, nowhere);
    first = next;
  }
}

std::vector<SnapshotRun> MemoryCopy::places() const {
  std::vector<SnapshotRun> runs;
  const auto pages = static_cast<std::uint32_t>(places_.size());
  for (std::uint32_t page = 0; page < pages;) {
    const std::uint32_t next = same_until(page, pages);
    if (places_[page] != nowhere) {
      runs.push_back({{{page}, next - page}, places_[page].window, places_[page].file});
    }
    page = next;
  }
  return runs;
}

std::vector<SnapshotRun> MemoryCopy::runs() const {
  return joined(places(), own_.window, own_.file);
}

}  // namespace samepage::vmm
