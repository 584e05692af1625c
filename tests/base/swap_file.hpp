// SPDX-License-Identifier: Apache-2.0
// A swap file while a test runs, and memory that is pushed out to it. Root only.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/pagemap.hpp"
#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage {

/// The one that has it is the only test on this host that uses swap: what one test has the kernel push out
/// may go to the swap file of another, and comes back when that is turned off. Waits for its turn.
class SwapTurn {
 public:
  SwapTurn() {
    if (!lock_ || ::flock(lock_.get(), LOCK_EX) != 0) return;
    // What a test that was killed has left on.
    std::ifstream swaps("/proc/swaps");
    for (std::string line; std::getline(swaps, line);) {
      const std::string path = line.substr(0, line.find_first_of(" \t\\"));
      if (path.starts_with("/var/tmp/samepage-") && path.ends_with("/swap")) ::swapoff(path.c_str());
    }
  }

 private:
  // Released with the descriptor, also when the test is killed.
  const UniqueFd lock_{
      ::open("/var/tmp/samepage-test-swap.lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
};

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
  const SwapTurn turn_;
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
