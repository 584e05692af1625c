// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/file_view.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "base/check.hpp"
#include "base/lost_memory.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

struct LossWatch {
  std::atomic<std::uintptr_t> start = 0;
  std::atomic<std::uintptr_t> end = 0;  // 0: nobody uses this one
  std::atomic<bool> lost = false;
};

namespace {

// More than a guest has while it is loaded. Static: a signal handler can't wait for a lock.
std::array<LossWatch, 16> watches;
std::mutex watches_lock;  // of those who begin a watch

// Only what a system call and atomics can do. The faulting thread goes on and reads zeros.
bool put_zeros(const siginfo_t& info) {
  // SAFETY: compared; what is mapped over lies in a view of ours.
  const auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  for (LossWatch& watch : watches) {
    if (info.si_code != BUS_ADRERR || address < watch.start || address >= watch.end) continue;
    const std::uintptr_t page = address & ~std::uintptr_t{page_size - 1};
    // What follows is gone as well.
    if (::mmap(reinterpret_cast<void*>(page), watch.end - page, PROT_READ,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
      return false;
    }
    watch.lost = true;
    return true;
  }
  return false;
}

std::unique_ptr<LossWatch, EndLossWatch> begin_watch(std::span<const std::byte> range) {
  rescue_memory_with(put_zeros);
  const std::lock_guard lock(watches_lock);
  for (LossWatch& watch : watches) {
    if (watch.end != 0) continue;
    watch.lost = false;
    // SAFETY: compared with addresses of faults.
    watch.start = reinterpret_cast<std::uintptr_t>(range.data());
    watch.end = watch.start + range.size();
    return std::unique_ptr<LossWatch, EndLossWatch>(&watch);
  }
  invariant(false, "too many files are viewed at once");
  return nullptr;
}

}  // namespace

void EndLossWatch::operator()(LossWatch* watch) const {
  watch->end = 0;
}

void FileView::require_whole() const {
  struct stat info {};
  // A page that is there in part has zeros behind its end, and no signal tells.
  const bool shorter =
      file && ::fstat(file.get(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) < bytes;
  if (shorter || (watch && watch->lost)) {
    throw UserError(failure +
                    ": a part of the file could not be read: it was cut short meanwhile, or its "
                    "medium has errors; copy it again");
  }
}

FileView view_file(const std::string& path, std::string_view purpose) {
  std::string failure = fmt::format("cannot {} {}", purpose, path);
  // O_NONBLOCK: opening a FIFO must fail below, not wait for a writer.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    throw UserError(fmt::format("{}: {}", failure, std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) throw UserError(failure + ": it is no regular file");
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  if (bytes == 0) return {};
  Mapping mapping;
  try {
    mapping = Mapping::read_only(fd.get(), pages_for(bytes).bytes());
  } catch (const std::system_error& error) {
    throw UserError(fmt::format("{}: {}", failure, why_not_mapped(bytes, error)));
  }
  auto watch = begin_watch(mapping.bytes());
  return {std::move(mapping), bytes, std::move(failure), std::move(fd), std::move(watch)};
}

}  // namespace samepage::vmm
