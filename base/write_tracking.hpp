// SPDX-License-Identifier: Apache-2.0
// Which pages were written since somebody last asked: userfaultfd's asynchronous write protection (Linux 6.7,
// Documentation/admin-guide/mm/userfaultfd.rst, "Write Protect Notifications") and PAGEMAP_SCAN. The kernel
// clears the protection itself at the first write, so a written page costs one extra fault and no thread
// waits for it; an unwritten one costs about a nanosecond of a scan.
//
// A mapping that is replaced loses the tracking and has to be registered again. One thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "base/unique_fd.hpp"

namespace samepage {

class WriteTracking {
 public:
  /// Empty where the kernel has no asynchronous write protection or does not let this process use it.
  static std::optional<WriteTracking> probe();

  /// Tracks a page-aligned range of private mappings of this process from now on; all its populated pages
  /// count as written. False when the kernel refuses (errno says why).
  [[nodiscard]] bool add(std::span<const std::byte> range) const;

  /// Some pages, counted from the start of a range.
  using Visit = std::function<void(std::size_t first, std::size_t count)>;
  /// Calls `visit` for pages that were written since the last call, or registered since, and begins anew with
  /// them. Pages that nothing was ever at may be among them. Before that `found` is called with parts of the
  /// range that hold them all, and others: it may take their memory away. False when a part of the range is
  /// not tracked.
  [[nodiscard]] bool take_written(std::span<const std::byte> range, const Visit& found,
                                  const Visit& visit) const;

 private:
  WriteTracking(UniqueFd userfault, UniqueFd pagemap)
      : userfault_(std::move(userfault)), pagemap_(std::move(pagemap)) {}

  UniqueFd userfault_;
  UniqueFd pagemap_;
};

}  // namespace samepage
