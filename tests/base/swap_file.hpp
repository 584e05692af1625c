// SPDX-License-Identifier: Apache-2.0
// A swap file while a test runs, and memory that is pushed out to it. Root only.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/pagemap.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage {

/// It is turned off and removed also when the test fails. Its header: include/linux/swap.h, union
/// swap_header.
class SwapFile {
 public:
  explicit SwapFile(std::uint32_t pages = 2048) {
    const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::vector<std::byte> zeros(PageCount{pages}.bytes());  // no holes: the kernel refuses these
    if (!file || ::write(file.get(), zeros.data(), zeros.size()) != static_cast<ssize_t>(zeros.size()))
      return;
    const std::array<std::uint32_t, 3> header{1, pages - 1, 0};  // version, last page, bad pages
    if (::pwrite(file.get(), header.data(), sizeof(header), 1024) < 0) return;
    if (::pwrite(file.get(), "SWAPSPACE2", 10, page_size - 10) < 0) return;
    on_ = ::swapon(path_.c_str(), 0) == 0;
  }
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;
  ~SwapFile() {
    if (on_) ::swapoff(path_.c_str());
  }
  explicit operator bool() const { return on_; }
  static constexpr const char* why_not = "needs root and a file system that can hold a swap file";

 private:
  const TemporaryDirectory directory_{"/var/tmp"};
  const std::string path_ = directory_.path() + "/swap";
  bool on_ = false;
};

/// Whether any of `memory` is in memory.
inline bool any_present(std::span<const std::byte> memory) {
  for (const PageRun& run : Pagemap().populated(memory)) {
    if (run.is(page_is_present)) return true;
  }
  return false;
}

/// False when the kernel does not push all of it out.
inline bool swap_out(std::span<std::byte> memory) {
  for (int tries = 0; tries < 100; ++tries) {  // the kernel may not find a page at once
    ::madvise(memory.data(), memory.size(), MADV_PAGEOUT);
    if (!any_present(memory)) return true;
    ::usleep(1000);
  }
  return false;
}

}  // namespace samepage
