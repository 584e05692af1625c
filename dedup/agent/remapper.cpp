// SPDX-License-Identifier: Apache-2.0
// Long because every way to replace guest memory is here, so that there is one place to look for a wrong one.
#include "dedup/agent/remapper.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

// Pages whose states are compared with one call.
constexpr std::uint32_t looked_at_together = 256;

// Runs so close to each other are marked with one call: it goes through the mappings between them, of which
// there are no more than pages, and a call costs as much as some of them.
constexpr std::uint64_t marked_together = 16;

// After a failed mmap(MAP_FIXED) the old mapping must still be there: a guest never runs on a hole in its
// memory.
void require_still_mapped(std::byte* address, std::size_t bytes) {
  std::vector<unsigned char> residency(bytes >> page_shift);
  invariant(::mincore(address, bytes, residency.data()) == 0,
            "a failed remapping has left a hole in guest memory");
}

// No mapping of guest memory is ever inherited: a fork would share pages behind the reference counts.
void mark_uninheritable(std::byte* address, std::size_t bytes) {
  invariant(::madvise(address, bytes, MADV_DONTFORK) == 0, "MADV_DONTFORK on guest memory");
}

bool map_anonymous(std::byte* address, std::size_t bytes) {
  if (fault_fails("page-unmapping")) return false;
  // SAFETY: MAP_FIXED over guest memory of ours while the guest is held; the pages are zero, or not needed,
  // or their bytes are put back before it is let go.
  if (::mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
             -1, 0) == MAP_FAILED) {
    require_still_mapped(address, bytes);
    return false;
  }
  mark_uninheritable(address, bytes);
  ::madvise(address, bytes, MADV_NOHUGEPAGE);  // fails only where the kernel has no huge pages to refuse
  return true;
}

// Puts a guest's bytes back when it goes, whatever happens until then.
class PutBack {
 public:
  PutBack(std::byte* address, std::vector<std::byte> bytes) : address_(address), bytes_(std::move(bytes)) {}
  PutBack(const PutBack&) = delete;
  PutBack& operator=(const PutBack&) = delete;
  ~PutBack() { std::memcpy(address_, bytes_.data(), bytes_.size()); }

 private:
  std::byte* address_;
  std::vector<std::byte> bytes_;
};

// The memory of pages that nobody needs the contents of. What is mapped from the store needs a mapping of
// another kind: see PageStates.
bool drop_memory(std::span<std::byte> memory, bool on_store) {
  return on_store ? map_anonymous(memory.data(), memory.size())
                  : ::madvise(memory.data(), memory.size(), MADV_DONTNEED) == 0;
}

// Whether the file reaches to the frames' end: reading a mapping beyond it would end the process.
bool has_frames(int file, const wire::Grant& grant) {
  struct stat info {};
  return ::fstat(file, &info) == 0 && offset_in_file(grant.frame) + PageCount{grant.count}.bytes() <=
                                          static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

std::uint32_t Remapper::merge(const PausedGuest& held, const FrameFiles& files,
                              const MergeCandidate& candidate, wire::Merged& merged) {
  const wire::Grant& grant = candidate.grant;
  const std::byte* const memory = pages_.host(grant.page);
  const auto mergeable = [&](std::uint32_t i) {
    const std::size_t at = PageCount{i}.bytes();
    const PageIndex page = grant.page + i;
    // What is merged with a frame of the store may be told that the content is in a slot now.
    const bool free =
        !states_.is(page, PageStates::State::merged) || (is_slot(grant.frame) && states_.is_in_store(page));
    return free && at + page_size <= candidate.frames.size() &&
           std::memcmp(memory + at, candidate.frames.data() + at, page_size) == 0;
  };
  std::uint32_t mappings = 0;
  begin_run(held, grant.page);
  for (std::uint32_t first = 0; first < grant.count;) {
    std::uint32_t end = first;
    while (end < grant.count && mergeable(end)) ++end;
    const wire::Grant run{grant.page + first, grant.frame + first, end - first};
    if (run.count > 0 && map_frames(files.file_of(run.frame), run)) {
      ++mappings;
      wire::append_range(merged.kept, run.pages());
    } else if (run.count > 0) {
      refusal_.error = errno;
      wire::append_range(refusal_.pages, run.pages());
    }
    if (end < grant.count) wire::append_page(merged.refused, grant.page + end);  // the one that differs
    first = end + 1;
  }
  return mappings;
}

void Remapper::place(const PausedGuest& held, const FrameFiles& files, const wire::Grant& grant,
                     std::span<const std::byte> image, wire::Merged& merged) {
  std::byte* const memory = pages_.host(grant.page);
  begin_run(held, grant.page);
  const int file = files.file_of(grant.frame);
  if (!has_frames(file, grant) || !map_frames(file, grant)) {
    std::memcpy(memory, image.data(), image.size());
    for (const PageIndex page : grant.pages()) {
      states_.withdrawn(page);
      wire::append_page(merged.refused, page);
    }
    return;
  }
  // One call instead of a fault for each sixteen pages. Where the kernel is too old for it, they are taken.
  ::madvise(memory, image.size(), MADV_POPULATE_READ);
  for (const PageIndex page : grant.pages()) {
    const std::size_t at = PageCount{page - grant.page}.bytes();
    if (std::memcmp(memory + at, image.data() + at, page_size) == 0) {
      wire::append_page(merged.kept, page);
    } else {
      std::memcpy(memory + at, image.data() + at, page_size);  // the kernel makes it a page of this guest's
      states_.written(page);
      wire::append_page(merged.refused, page);
    }
  }
}

// What is mapped from here on is of another region than before, or does not lie close behind it.
void Remapper::begin_run(const PausedGuest& held, PageIndex page) {
  if (inheritable_.empty()) return;
  const std::byte* const region = pages_.region_of(page).memory.host;
  const std::byte* const host = pages_.host(page);
  const std::byte* const near =
      inheritable_.data() + inheritable_.size() + PageCount{marked_together}.bytes();
  if (inheritable_.data() < region || host < inheritable_.data() || host > near) keep_from_children(held);
}

void Remapper::back(const PausedGuest& held, const BackingCandidate& candidate,
                    std::vector<PageRange>& mapped) {
  const BackedRun& run = candidate.run;
  begin_run(held, run.pages.first);
  // A page that was given up may have been used again since.
  const auto may_be_backed = [&](PageIndex page) {
    const PageStates::State state = states_.of(page);
    return state == PageStates::State::own || state == PageStates::State::untouched ||
           state == PageStates::State::discarded || state == PageStates::State::backed;
  };
  const auto is_equal = [&](PageIndex page) {
    const std::size_t at = PageCount{page - run.pages.first}.bytes();
    return may_be_backed(page) && at + page_size <= candidate.content.size() &&
           std::memcmp(pages_.host(page), candidate.content.data() + at, page_size) == 0;
  };
  for (PageIndex first = run.pages.first; first < run.pages.end();) {
    PageIndex end = first;
    while (end < run.pages.end() && is_equal(end)) ++end;
    const PageRange same = pages_between(first, end);
    if (!same.empty() && map_file(same, run.file, run.offset_of(first))) {
      states_.backed(same);
      mapped.push_back(same);
    }
    first = end + 1;
  }
}

// A page that is not populated, or is the file's, is what the frame has. Whatever else the page tables show
// may be the guest's own, also where it only looks so.
std::uint32_t Remapper::map_again(const PausedGuest& held, const Pagemap& pagemap, const BackedRun& run) {
  begin_run(held, run.pages.first);
  std::uint32_t mappings = 0;
  PageIndex next = run.pages.first;
  const auto map_up_to = [&](PageIndex end) {
    for (; next < end; ++next) {
      const PageIndex first = next;
      while (next < end && states_.is_in_store(next)) ++next;
      const PageRange part = pages_between(first, next);
      if (!part.empty() && map_file(part, run.file, run.offset_of(first))) ++mappings;
    }
  };
  for (const PageRun& found : pagemap.populated(pages_.bytes_of(run.pages))) {
    if (!found.is_private()) continue;
    const PageRange own = pages_of(found, run.pages.first);
    map_up_to(own.first);
    next = own.end();
  }
  map_up_to(run.pages.end());
  return mappings;
}

std::uint64_t Remapper::put_back(const PausedGuest& held, const Pagemap& pagemap, const PageRange& range,
                                 const BackedRun* run, bool of_file,
                                 const std::function<void(const PageRange&)>& changed) {
  const std::span<std::byte> memory = pages_.bytes_of(range);
  const bool backed = run != nullptr;
  const PageStates::State wanted = backed ? PageStates::State::backed : PageStates::State::untouched;
  // Most of a guest is what it was, and is not gone through page by page.
  std::vector<PageRange> others;
  for (PageRange rest = range; !rest.empty();) {
    const PageRange part = rest.take_front(looked_at_together);
    if (!states_.all_are(part, wanted, backed)) others.push_back(part);
  }
  bool on_file = false;
  for (const PageRange& part : others) {
    for (const PageIndex page : part) on_file = on_file || states_.on_file(page);
  }
  const bool replaced = backed ? !of_file : on_file;
  std::uint64_t own = 0;
  for (const PageRun& part : pagemap.populated(memory)) {
    if (!part.is_private()) continue;
    for (const PageIndex page : pages_of(part, range.first)) {
      // What looks swapped out where the guest has written nothing is no memory of its own.
      if (part.is_surely_own() || !states_.is_shared(page)) ++own;
    }
    if (replaced) continue;
    // The file below never changes, or there is none.
    const auto bytes = memory.subspan(PageCount{part.first}.bytes(), PageCount{part.count}.bytes());
    check(::madvise(bytes.data(), bytes.size(), MADV_DONTNEED), "madvise(MADV_DONTNEED)");
  }
  if (replaced && backed) {
    begin_run(held, range.first);
    if (!map_file(range, run->file, run->offset_of(range.first))) throw_errno("mmap of the snapshot");
  } else if (replaced && !map_anonymous(memory.data(), memory.size())) {
    throw_errno("mmap");
  }
  for (const PageRange& part : others) {
    backed ? states_.put_back(part) : states_.begun_anew(part);
    changed(part);
  }
  return own;
}

bool Remapper::map_frames(int file, const wire::Grant& grant) {
  if (fault_fails("page-mapping") || !map_file(grant.pages(), file, offset_in_file(grant.frame)))
    return false;
  fault_point("page-mapped");
  using FrameIn = PageStates::FrameIn;
  const bool on_disk = is_slot(grant.frame);
  states_.merged(grant.pages(), on_disk ? FrameIn::paging_file : FrameIn::store);
  // Else the kernel reads megabytes around a page that is used again, and drops what others use for them.
  if (on_disk) ::madvise(pages_.host(grant.page), PageCount{grant.count}.bytes(), MADV_RANDOM);
  return true;
}

bool Remapper::map_file(const PageRange& range, int file, std::uint64_t offset) {
  const std::span<std::byte> memory = pages_.bytes_of(range);
  // SAFETY: MAP_FIXED over guest memory of ours whose bytes equal the file's, while nothing can write
  // either: the guest is held, a published frame is immutable, and so is a backing. MAP_PRIVATE: a write
  // makes a copy for this guest alone.
  if (::mmap(memory.data(), memory.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             file, static_cast<off_t>(offset)) == MAP_FAILED) {
    const int error = errno;
    require_still_mapped(memory.data(), memory.size());
    errno = error;
    return false;
  }
  std::byte* const start = inheritable_.empty() ? memory.data() : inheritable_.data();
  // Runs may come in any order.
  inheritable_ = {start, std::max(memory.data() + memory.size(), start + inheritable_.size())};
  return true;
}

void Remapper::keep_from_children(const PausedGuest&) {
  if (!inheritable_.empty()) mark_uninheritable(inheritable_.data(), inheritable_.size());
  inheritable_ = {};
}

bool Remapper::unmerge(const PausedGuest&, const PageRange& range,
                       const std::function<void(std::span<const std::byte>)>& track) {
  const std::span<std::byte> memory = pages_.bytes_of(range);
  std::vector<std::byte> copy(memory.begin(), memory.end());
  if (!map_anonymous(memory.data(), memory.size())) return false;
  fault_point("page-unmapped");
  {
    const PutBack put_back(memory.data(), std::move(copy));
    track(memory);
  }
  states_.unmerged(range);
  return true;
}

Remapper::Given Remapper::give_back(const PausedGuest&, const PageRange& range) {
  Given given;
  for (PageIndex first = range.first; first < range.end();) {
    const bool on_store = states_.on_file(first);
    PageIndex end = first;
    while (end < range.end() && states_.on_file(end) == on_store &&
           !states_.is(end, PageStates::State::merged) && is_zero_page(pages_.host(end))) {
      ++end;
    }
    const PageRange zero = pages_between(first, end);
    if (!zero.empty() && drop_memory(pages_.bytes_of(zero), on_store)) {
      states_.given_back(zero);
      given.pages += zero.count;
      given.replaced += on_store ? 1 : 0;
    }
    first = zero.empty() ? end + 1 : end;
  }
  return given;
}

bool Remapper::discard(const PausedGuest&, const PageRange& range) {
  bool on_store = false;
  for (const PageIndex page : range) on_store = on_store || states_.on_file(page);
  if (!drop_memory(pages_.bytes_of(range), on_store)) return false;
  states_.discarded(range);
  return true;
}

}  // namespace samepage::dedup
