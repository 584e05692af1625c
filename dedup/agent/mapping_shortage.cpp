// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/mapping_shortage.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <limits>
#include <system_error>

#include "base/process_memory.hpp"
#include "base/types.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

// Seen, offered, granted: what waited has been merged by then, or does not want to be.
constexpr unsigned passes_to_merge = 3;

// ENOMEM of mmap() has three meanings, and the kernel does not say which.
Resource lacked_by_mmap(int error) {
  constexpr std::size_t nearly = 16;  // mappings; others of the process come and go
  if (error != ENOMEM) return lacked(error, false).value_or(Resource::memory);
  try {
    const std::size_t used = mappings_in(0, std::numeric_limits<std::uint64_t>::max()).size();
    if (used + nearly >= max_map_count()) return Resource::mappings;
    return lacked(error, has_strict_commit()).value_or(Resource::memory);
  } catch (const std::system_error&) {
    return Resource::memory;
  }
}

// As many as a page in the midst of others takes.
bool kernel_gives_mappings() {
  if (fault_fails("page-mapping")) return false;
  constexpr int own = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const area = ::mmap(nullptr, 3 * page_size, PROT_READ | PROT_WRITE, own, -1, 0);
  if (area == MAP_FAILED) return false;
  // SAFETY: MAP_FIXED over a page of the three that were just mapped, and that nobody else knows of.
  void* const middle = ::mmap(static_cast<std::byte*>(area) + page_size, page_size, PROT_READ,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  const int error = errno;
  ::munmap(area, 3 * page_size);
  errno = error;
  return middle != MAP_FAILED;
}

}  // namespace

void MappingShortage::refused(int error) {
  const Resource what = refused_ && what_ ? *what_ : lacked_by_mmap(error);
  refused_ = true;
  note(what, std::generic_category().message(error).c_str());
}

void MappingShortage::note(Resource what, const char* why) {
  if (what_ && what_ != what) note_granted(shortages_, *what_);
  what_ = what;
  passes_without_ = 0;
  note_refused(shortages_, what, why);
}

void MappingShortage::end_of_pass(std::uint64_t waiting) {
  if (!what_) return;
  shortages_.set_waiting(*what_, waiting);
  if (waiting > 0) {
    passes_without_ = 0;
    return;
  }
  if (++passes_without_ < passes_to_merge || closed()) return;
  if (refused_ && !kernel_gives_mappings()) return refused(errno);
  note_granted(shortages_, *what_);
  what_.reset();
  refused_ = false;
}

}  // namespace samepage::dedup
