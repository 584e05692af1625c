// SPDX-License-Identifier: Apache-2.0
#include "base/write_tracking.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "base/pagemap.hpp"
#include "base/pagemap_scan.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

// <linux/userfaultfd.h> of Linux 6.7.
constexpr std::uint64_t feature_wp_async = std::uint64_t{1} << 15;

// Written pages this close to each other are protected with one call, because a call costs as much as
// protecting some pages.
constexpr std::uint64_t joined_gap = 8;

// Asynchronous write protection never hands a fault to us, so user mode only is enough, and needs no rights.
UniqueFd open_userfault() {
  UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
  if (!fd) return {};
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = feature_wp_async;
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

std::optional<std::vector<WriteTracking::Part>> WriteTracking::written(
    std::span<const std::byte> range) const {
  const std::uint64_t start = address_of(range.data());
  std::vector<Part> parts;
  const auto add = [&](const PageRegion& region) {
    const Part part{(region.start - start) >> page_shift, (region.end - region.start) >> page_shift};
    if (!parts.empty() && part.first - (parts.back().first + parts.back().count) <= joined_gap) {
      parts.back().count = part.first + part.count - parts.back().first;
    } else {
      parts.push_back(part);
    }
  };
  const PagemapScan scan{.flags = scan_requires_tracking,
                         .category_mask = page_is_written,
                         .category_anyof_mask = page_is_present | page_is_swapped,
                         .return_mask = page_is_written};
  if (!scan_pagemap(pagemap_.get(), range, scan, add)) return std::nullopt;
  return parts;
}

bool WriteTracking::visit_written(std::span<const std::byte> range,
                                  const std::function<void(const PageRun&)>& visit) const {
  const std::uint64_t start = address_of(range.data());
  const PagemapScan scan{.flags = scan_requires_tracking,
                         .category_mask = page_is_written,
                         .category_anyof_mask = page_is_present | page_is_swapped,
                         .return_mask = page_is_present | page_is_swapped | page_is_zero | page_is_file};
  return scan_pagemap(pagemap_.get(), range, scan, [&](const PageRegion& region) {
    visit({(region.start - start) >> page_shift, (region.end - region.start) >> page_shift,
           static_cast<std::uint32_t>(region.categories)});
  });
}

bool WriteTracking::take_written(std::span<const std::byte> range, Pagemap::Files files,
                                 const std::function<void(const PageRun&)>& visit) const {
  const std::uint64_t start = address_of(range.data());
  const PagemapScan scan{.flags = scan_requires_tracking | scan_protects,
                         .category_mask = page_is_written,
                         .category_anyof_mask = page_is_present | page_is_swapped,
                         .return_mask = page_is_present | page_is_swapped | page_is_zero |
                                        (files == Pagemap::Files::possible ? page_is_file : 0U)};
  return scan_pagemap(pagemap_.get(), range, scan, [&](const PageRegion& region) {
    visit({(region.start - start) >> page_shift, (region.end - region.start) >> page_shift,
           static_cast<std::uint32_t>(region.categories)});
  });
}

void WriteTracking::visit_swapped(std::span<const std::byte> range,
                                  const std::function<void(const Part&)>& visit) const {
  const std::uint64_t start = address_of(range.data());
  const PagemapScan scan{.category_mask = page_is_swapped, .return_mask = page_is_swapped};
  const bool done = scan_pagemap(pagemap_.get(), range, scan, [&](const PageRegion& region) {
    visit({(region.start - start) >> page_shift, (region.end - region.start) >> page_shift});
  });
  if (!done) throw_errno("ioctl PAGEMAP_SCAN");
}

}  // namespace samepage
