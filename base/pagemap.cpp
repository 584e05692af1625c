// SPDX-License-Identifier: Apache-2.0
#include "base/pagemap.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string>

#include "base/pagemap_scan.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

// The bits of a pagemap word.
constexpr std::uint64_t word_pfn_mask = (std::uint64_t{1} << 55) - 1;
constexpr std::uint64_t word_write_protected = std::uint64_t{1} << 57;
constexpr std::uint64_t word_file = std::uint64_t{1} << 61;
constexpr std::uint64_t word_swapped = std::uint64_t{1} << 62;
constexpr std::uint64_t word_present = std::uint64_t{1} << 63;

void append(std::vector<PageRun>& runs, std::size_t first, std::size_t count, std::uint32_t categories) {
  if (!runs.empty()) {
    PageRun& last = runs.back();
    if (last.first + last.count == first && last.categories == categories) {
      last.count += count;
      return;
    }
  }
  runs.push_back({first, count, categories});
}

std::vector<std::uint64_t> read_words(int fd, std::uint64_t address, std::size_t pages) {
  std::vector<std::uint64_t> words(pages);
  const std::size_t wanted = pages * sizeof(std::uint64_t);
  std::size_t done = 0;
  while (done < wanted) {
    const off_t offset = static_cast<off_t>((address >> page_shift) * sizeof(std::uint64_t) + done);
    const ssize_t got = check(::pread(fd, words.data() + done / sizeof(std::uint64_t), wanted - done, offset),
                              "read of pagemap");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return words;
}

}  // namespace

Pagemap::Pagemap(Backend backend)
    : fd_(checked_fd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "open /proc/self/pagemap")),
      scans_(backend == Backend::newest && can_scan_pagemap(fd_.get())) {}

std::vector<PageRun> Pagemap::populated(std::span<const std::byte> range, Files files) const {
  std::vector<PageRun> runs;
  const std::uint64_t start = address_of(range.data());
  if (scans_) {
    const PagemapScan scan{.category_anyof_mask = page_is_present | page_is_swapped,
                           .return_mask = (files == Files::possible ? page_is_file : 0U) | page_is_present |
                                          page_is_swapped | page_is_zero | page_is_written};
    const bool done = scan_pagemap(fd_.get(), range, scan, [&](const PageRegion& region) {
      auto categories = static_cast<std::uint32_t>(region.categories);
      if ((categories & page_is_present) != 0) categories &= ~std::uint32_t{page_is_written};
      append(runs, (region.start - start) >> page_shift, (region.end - region.start) >> page_shift,
             categories);
    });
    if (!done) throw_errno("ioctl PAGEMAP_SCAN");
    return runs;
  }
  constexpr std::size_t chunk = 4096;  // words at a time: 32 KiB
  const std::size_t pages = range.size() >> page_shift;
  for (std::size_t first = 0; first < pages; first += chunk) {
    const std::size_t count = std::min(chunk, pages - first);
    const std::vector<std::uint64_t> words = read_words(fd_.get(), start + (first << page_shift), count);
    for (std::size_t i = 0; i < count; ++i) {
      const bool present = (words[i] & word_present) != 0;
      const bool swapped = (words[i] & word_swapped) != 0;
      if (!present && !swapped) continue;
      const bool written = swapped && (words[i] & word_write_protected) == 0;
      append(runs, first + i, 1,
             (present ? page_is_present : 0U) | (swapped ? page_is_swapped : 0U) |
                 (written ? page_is_written : 0U) | ((words[i] & word_file) != 0 ? page_is_file : 0U));
    }
  }
  return runs;
}

std::vector<std::uint64_t> pfns_of(pid_t pid, std::uint64_t address, std::size_t pages) {
  const std::string path = "/proc/" + std::to_string(pid) + "/pagemap";
  const UniqueFd fd = checked_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open " + path);
  std::vector<std::uint64_t> words = read_words(fd.get(), address, pages);
  for (std::uint64_t& word : words) word = (word & word_present) != 0 ? word & word_pfn_mask : 0;
  return words;
}

}  // namespace samepage
