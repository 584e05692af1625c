// SPDX-License-Identifier: Apache-2.0
// Tells which pages were written since the last look: userfaultfd's asynchronous write protection (Linux 6.7,
// Documentation/admin-guide/mm/userfaultfd.rst, "Write Protect Notifications") and PAGEMAP_SCAN. The kernel
// clears the protection itself at the first write, so a written page costs one extra fault and no thread
// waits for it; an unwritten one costs two nanoseconds of a scan, a hole next to nothing.
//
// A mapping that is replaced loses the tracking and has to be registered again. One thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/pagemap.hpp"
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
  struct Part {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  /// The parts of `range` that hold all pages which were written since they were last taken, or registered
  /// since, also where they were swapped out meanwhile; others between them, where there are few. Empty, with
  /// errno, when a part of the range is not tracked.
  [[nodiscard]] std::optional<std::vector<Part>> written(std::span<const std::byte> range) const;

  /// Calls `visit` with the pages of `range` that have memory, swapped out or not, and may have been written
  /// since they were last taken; all of those. False, with errno, when a part of the range is not tracked.
  [[nodiscard]] bool visit_written(std::span<const std::byte> range,
                                   const std::function<void(const PageRun&)>& visit) const;

  /// Calls `visit` with the pages of `range` that written() would find, and protects them again, in one step,
  /// so that no write is missed. All of them have memory, or had some when they were swapped out: a page
  /// keeps its protection in the swap. False when a part of the range is not tracked.
  [[nodiscard]] bool take_written(std::span<const std::byte> range, Pagemap::Files files,
                                  const std::function<void(const PageRun&)>& visit) const;

  /// Calls `visit` with the pages of `range` that look swapped out. What is only a note of the kernel's that
  /// a file's page is protected looks like that, too.
  void visit_swapped(std::span<const std::byte> range, const std::function<void(const Part&)>& visit) const;

 private:
  WriteTracking(UniqueFd userfault, UniqueFd pagemap)
      : userfault_(std::move(userfault)), pagemap_(std::move(pagemap)) {}

  UniqueFd userfault_;
  UniqueFd pagemap_;
};

}  // namespace samepage
