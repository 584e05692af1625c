// SPDX-License-Identifier: Apache-2.0
#include "base/pagemap_scan.hpp"

#include <sys/ioctl.h>

#include <array>

namespace samepage {
namespace {

struct Argument {
  std::uint64_t size = sizeof(Argument);
  std::uint64_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t walk_end = 0;
  std::uint64_t regions = 0;
  std::uint64_t region_count = 0;
  std::uint64_t max_pages = 0;
  std::uint64_t category_inverted = 0;
  std::uint64_t category_mask = 0;
  std::uint64_t category_anyof_mask = 0;
  std::uint64_t return_mask = 0;
};
static_assert(sizeof(Argument) == 96);
static_assert(sizeof(PageRegion) == 24);

const unsigned long pagemap_scan_request = _IOWR('f', 16, Argument);

}  // namespace

bool scan_pagemap(int pagemap_fd, std::span<const std::byte> range, const PagemapScan& scan,
                  const std::function<void(const PageRegion&)>& visit) {
  std::array<PageRegion, 256> regions{};
  Argument argument;
  argument.flags = scan.flags;
  // SAFETY: numbers that are only ever given to the kernel as addresses of this process; it fills the array.
  argument.start = reinterpret_cast<std::uint64_t>(range.data());
  argument.end = argument.start + range.size();
  argument.regions = reinterpret_cast<std::uint64_t>(regions.data());
  argument.region_count = regions.size();
  argument.category_mask = scan.category_mask;
  argument.category_anyof_mask = scan.category_anyof_mask;
  argument.return_mask = scan.return_mask;
  while (argument.start < argument.end) {
    const int found = ::ioctl(pagemap_fd, pagemap_scan_request, &argument);
    if (found < 0) return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(found); ++i) visit(regions[i]);
    argument.start = argument.walk_end;
  }
  return true;
}

bool can_scan_pagemap(int pagemap_fd) {
  Argument empty;
  return ::ioctl(pagemap_fd, pagemap_scan_request, &empty) == 0;  // ENOTTY before Linux 6.7
}

}  // namespace samepage
