// SPDX-License-Identifier: Apache-2.0
// The PAGEMAP_SCAN request of /proc/PID/pagemap (Linux 6.7), which Debian 12's headers do not have:
// Documentation/admin-guide/mm/pagemap.rst, "Pagemap Scan IOCTL". Layouts and one thin wrapper.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace samepage {

/// struct page_region.
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};

/// struct pm_scan_arg, as far as it is chosen by the caller.
struct PagemapScan {
  std::uint64_t flags = 0;
  std::uint64_t category_mask = 0;        // pages that have all of these
  std::uint64_t category_anyof_mask = 0;  // and any of these
  std::uint64_t return_mask = 0;
};

/// PM_SCAN_WP_MATCHING: pages that are found are write-protected again, in one step with the looking.
inline constexpr std::uint64_t scan_protects = 1U << 0;
/// PM_SCAN_CHECK_WPASYNC: fail with EPERM where a mapping is not registered for asynchronous write
/// protection.
inline constexpr std::uint64_t scan_requires_tracking = 1U << 1;

/// Calls `visit` with each region of `range` that the scan finds, in order. False, with errno, when the
/// kernel refuses; some regions may have been visited by then.
bool scan_pagemap(int pagemap_fd, std::span<const std::byte> range, const PagemapScan& scan,
                  const std::function<void(const PageRegion&)>& visit);

/// True when the kernel knows the request.
bool can_scan_pagemap(int pagemap_fd);

}  // namespace samepage
