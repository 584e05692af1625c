// SPDX-License-Identifier: Apache-2.0
#include "base/write_tracking.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "base/pagemap.hpp"
#include "base/pagemap_scan.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

// <linux/userfaultfd.h> of Linux 6.7.
constexpr std::uint64_t feature_wp_unpopulated = std::uint64_t{1} << 13;
constexpr std::uint64_t feature_wp_async = std::uint64_t{1} << 15;

// Written pages this close to each other are protected with one call; it costs as much as some pages.
constexpr std::uint64_t joined_gap = 8;

// Asynchronous write protection never hands a fault to us, so user mode only is enough, and needs no rights.
UniqueFd open_userfault() {
  UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
  if (!fd) return {};
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = feature_wp_unpopulated | feature_wp_async;
  if (::ioctl(fd.get(), UFFDIO_API, &api) != 0) return {};
  return fd;
}

}  // namespace

std::optional<WriteTracking> WriteTracking::probe() {
  UniqueFd userfault = open_userfault();
  UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!userfault || !pagemap || !can_scan_pagemap(pagemap.get())) return std::nullopt;
  return WriteTracking(std::move(userfault), std::move(pagemap));
}

bool WriteTracking::add(std::span<const std::byte> range) const {
  uffdio_register request{};
  // SAFETY: an address of this process, given to the kernel.
  request.range.start = reinterpret_cast<std::uint64_t>(range.data());
  request.range.len = range.size();
  request.mode = UFFDIO_REGISTER_MODE_WP;
  return ::ioctl(userfault_.get(), UFFDIO_REGISTER, &request) == 0;
}

bool WriteTracking::take_written(std::span<const std::byte> range, const Visit& found,
                                 const Visit& visit) const {
  // With nothing but WRITTEN asked for, the kernel takes a path that looks at one bit of each table entry.
  PagemapScan scan{
      .flags = scan_requires_tracking, .category_mask = page_is_written, .return_mask = page_is_written};
  const auto start =
      reinterpret_cast<std::uint64_t>(range.data());  // SAFETY: subtracted from the kernel's numbers
  const auto show = [start](const PageRegion& region, const Visit& to) {
    to((region.start - start) >> page_shift, (region.end - region.start) >> page_shift);
  };
  std::vector<PageRegion> written;
  const bool tracked = scan_pagemap(pagemap_.get(), range, scan, [&](const PageRegion& region) {
    if (!written.empty() && region.start - written.back().end <= PageCount{joined_gap}.bytes()) {
      written.back().end = region.end;
    } else {
      written.push_back(region);
    }
  });
  if (!tracked) return false;
  // Protecting invalidates a hypervisor's second-level tables for all of the range that is asked for, written
  // or not: only where something was written the guest has to fault its pages in again.
  scan.flags |= scan_protects;
  for (const PageRegion& region : written) {
    show(region, found);
    const auto part = range.subspan(region.start - start, region.end - region.start);
    if (!scan_pagemap(pagemap_.get(), part, scan, [&](const PageRegion& taken) { show(taken, visit); }))
      return false;
  }
  return true;
}

}  // namespace samepage
