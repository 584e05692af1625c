// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of each page of an address range: Documentation/admin-guide/mm/pagemap.rst.
// PAGEMAP_SCAN (Linux 6.7+) where the kernel has it, else the 64-bit words of /proc/self/pagemap.
// One Pagemap is used by one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"

namespace samepage {

/// The PAGE_IS_* categories of <linux/fs.h> (6.7), which Debian 12's headers do not have.
enum PageCategory : std::uint32_t {
  page_is_write_protectable = 1U << 0,
  page_is_written = 1U << 1,
  page_is_file = 1U << 2,  // page cache: in guest memory, a frame of a store
  page_is_present = 1U << 3,
  page_is_swapped = 1U << 4,
  page_is_zero = 1U << 5,  // the kernel's shared zero page; only PAGEMAP_SCAN can tell
};

/// `count` pages from page `first` of a scanned range on, all of the same categories.
struct PageRun {
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint32_t categories = 0;

  [[nodiscard]] bool is(std::uint32_t category) const { return (categories & category) != 0; }
  /// True when the pages are memory of this process alone, or were before they were swapped out: neither a
  /// file's nor the zero page. See populated() for what else looks swapped out.
  [[nodiscard]] bool is_private() const { return !is(page_is_file | page_is_zero); }
  /// True when that memory is there now.
  [[nodiscard]] bool is_own() const { return is_private() && is(page_is_present); }
  /// The same, or it is certain that it was when it was swapped out. Of what populated() has told.
  [[nodiscard]] bool is_surely_own() const { return is_private() && is(page_is_present | page_is_written); }
};

/// Reads a process's page tables through /proc.
class Pagemap {
 public:
  enum class Backend { newest, words };

  /// Opens the pagemap of this process. Throws std::system_error.
  explicit Pagemap(Backend backend = Backend::newest);

  /// Whether pages of a range may be a file's. Where none can be the kernel need not look at each page.
  enum class Files : std::uint8_t { possible, none };

  /// The populated pages of `range` (page-aligned, of this process) in order of address; pages that are
  /// neither present nor swapped out are left out. Of pages that are not present `page_is_written` is told
  /// too: with it a page was certainly swapped out; without it, it is memory that was swapped out while it
  /// was write-protected, or, in a mapping of a file, may be no memory at all but the kernel's note that the
  /// file's page is to be protected when it comes back. Throws std::system_error.
  [[nodiscard]] std::vector<PageRun> populated(std::span<const std::byte> range,
                                               Files files = Files::possible) const;

  /// True when the zero page can be told from other pages.
  [[nodiscard]] bool sees_zero_page() const { return scans_; }

 private:
  UniqueFd fd_;
  bool scans_ = false;
};

/// The physical page numbers behind `pages` pages at `address` of process `pid`; 0 where no page is present.
/// Needs CAP_SYS_ADMIN: for tests. Throws std::system_error.
std::vector<std::uint64_t> pfns_of(pid_t pid, std::uint64_t address, std::size_t pages);

}  // namespace samepage
