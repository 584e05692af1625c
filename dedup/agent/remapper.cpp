// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/remapper.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

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
// another kind: see GuestPages::on_store.
bool drop_memory(std::byte* address, std::size_t bytes, bool on_store) {
  return on_store ? map_anonymous(address, bytes) : ::madvise(address, bytes, MADV_DONTNEED) == 0;
}

}  // namespace

Remapper::Remapper(GuestPages& pages, UniqueFd store) : pages_(pages), store_(std::move(store)) {}

// Reading is cheaper than mapping what is compared once: no page fault for each sixteen frames, no table
// entries to be dropped, and the copy is in the processor's cache when it is compared.
std::vector<Remapper::Candidate> Remapper::read_frames(std::span<const wire::Grant> grants) {
  std::vector<Candidate> candidates;
  std::size_t used = 0;
  for (const wire::Grant& grant : grants) {
    const auto copy = copies_.bytes().subspan(used);
    const std::size_t wanted = PageCount{grant.count}.bytes();
    if (wanted > copy.size()) break;
    const ssize_t got =
        ::pread(store_.get(), copy.data(), wanted, static_cast<off_t>(FrameId{grant.frame}.offset()));
    candidates.push_back({grant, copy.first(static_cast<std::size_t>(std::max<ssize_t>(got, 0)))});
    used += wanted;
  }
  return candidates;
}

void Remapper::merge(const PausedGuest& held, const Candidate& candidate, wire::Merged& merged) {
  const wire::Grant& grant = candidate.grant;
  const std::byte* frames = candidate.frames.data();
  const std::byte* memory = pages_.host(grant.page);
  const auto mergeable = [&](std::uint32_t i) {
    return !pages_.has(grant.page + i, GuestPages::merged) &&
           PageCount{i + 1}.bytes() <= candidate.frames.size() &&
           std::memcmp(memory + PageCount{i}.bytes(), frames + PageCount{i}.bytes(), page_size) == 0;
  };
  begin_run(held, grant.page);
  for (std::uint32_t first = 0; first < grant.count;) {
    std::uint32_t end = first;
    while (end < grant.count && mergeable(end)) ++end;
    const bool mapped = end > first && map_frames(grant.page + first, {grant.frame + first}, end - first);
    for (std::uint32_t i = first; i < end; ++i)
      wire::append_page(mapped ? merged.kept : merged.refused, grant.page + i);
    if (end < grant.count) wire::append_page(merged.refused, grant.page + end);  // the one that differs
    first = end + 1;
  }
}

void Remapper::place(const PausedGuest& held, const wire::Grant& grant, std::span<const std::byte> image,
                     wire::Merged& merged) {
  std::byte* const memory = pages_.host(grant.page);
  begin_run(held, grant.page);
  if (!has_frames(grant) || !map_frames(grant.page, {grant.frame}, grant.count)) {
    std::memcpy(memory, image.data(), image.size());
    for (std::uint32_t i = 0; i < grant.count; ++i) {
      pages_.clear(grant.page + i, GuestPages::offered);
      wire::append_page(merged.refused, grant.page + i);
    }
    return;
  }
  // One call instead of a fault for each sixteen pages. Where the kernel is too old for it, they are taken.
  ::madvise(memory, image.size(), MADV_POPULATE_READ);
  for (std::uint32_t i = 0; i < grant.count; ++i) {
    std::byte* const page = memory + PageCount{i}.bytes();
    const std::byte* const bytes = image.data() + PageCount{i}.bytes();
    if (std::memcmp(page, bytes, page_size) == 0) {
      wire::append_page(merged.kept, grant.page + i);
    } else {
      std::memcpy(page, bytes, page_size);  // the kernel makes it a page of this guest's own
      pages_.clear(grant.page + i, GuestPages::merged);
      wire::append_page(merged.refused, grant.page + i);
    }
  }
}

// Whether the store's file reaches to the frames' end: reading a mapping beyond it would end the process.
bool Remapper::has_frames(const wire::Grant& grant) const {
  struct stat info {};
  return ::fstat(store_.get(), &info) == 0 &&
         FrameId{grant.frame}.offset() + PageCount{grant.count}.bytes() <=
             static_cast<std::uint64_t>(info.st_size);
}

// What is mapped from here on is of another region than before, or does not lie behind it.
void Remapper::begin_run(const PausedGuest& held, std::uint32_t page) {
  const std::byte* const region = pages_.region_of(page).memory.host;
  if (!inheritable_.empty() && (inheritable_.data() < region || inheritable_.data() > pages_.host(page))) {
    keep_from_children(held);
  }
}

bool Remapper::map_frames(std::uint32_t page, FrameId frame, std::uint32_t count) {
  std::byte* const address = pages_.host(page);
  const std::size_t bytes = PageCount{count}.bytes();
  // SAFETY: MAP_FIXED over guest memory of ours whose bytes equal the frames', while nothing can write
  // either: the guest is held and a published frame is immutable. MAP_PRIVATE: a write makes a copy for this
  // guest alone.
  if (::mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, store_.get(),
             static_cast<off_t>(frame.offset())) == MAP_FAILED) {
    require_still_mapped(address, bytes);
    return false;
  }
  std::byte* const start = inheritable_.empty() ? address : inheritable_.data();
  std::byte* const end =
      std::max(address + bytes, start + inheritable_.size());  // runs may come in any order
  inheritable_ = {start, end};
  for (std::uint32_t i = 0; i < count; ++i) {
    pages_.clear(page + i, GuestPages::offered);
    pages_.set(page + i, GuestPages::merged | GuestPages::on_store);
  }
  return true;
}

void Remapper::keep_from_children(const PausedGuest&) {
  if (!inheritable_.empty()) mark_uninheritable(inheritable_.data(), inheritable_.size());
  inheritable_ = {};
}

bool Remapper::unmerge(const PausedGuest&, GuestPages& pages, const wire::PageRange& range,
                       const std::function<void(std::span<const std::byte>)>& track) {
  std::byte* const address = pages.host(range.page);
  const std::size_t bytes = PageCount{range.count}.bytes();
  std::vector<std::byte> copy(address, address + bytes);
  if (!map_anonymous(address, bytes)) return false;
  {
    const PutBack put_back(address, std::move(copy));
    track({address, bytes});
  }
  for (std::uint32_t page = range.page; page < range.page + range.count; ++page)
    pages.clear(page, GuestPages::merged | GuestPages::on_store | GuestPages::offered);
  return true;
}

void Remapper::forget_frames() {
  ::madvise(copies_.data(), copies_.size(), MADV_DONTNEED);
}

void Remapper::give_back(const PausedGuest&, GuestPages& pages, const wire::PageRange& range,
                         std::vector<wire::PageRange>& given) {
  const std::uint32_t range_end = range.page + range.count;
  for (std::uint32_t first = range.page; first < range_end;) {
    const bool on_store = pages.has(first, GuestPages::on_store);
    std::uint32_t end = first;
    while (end < range_end && pages.has(end, GuestPages::on_store) == on_store &&
           !pages.has(end, GuestPages::merged) && is_zero_page(pages.host(end))) {
      ++end;
    }
    if (end == first) {
      ++first;
      continue;
    }
    const bool gone = drop_memory(pages.host(first), PageCount{end - first}.bytes(), on_store);
    for (std::uint32_t page = first; gone && page < end; ++page) {
      pages.clear(page, GuestPages::on_store | GuestPages::offered);
      pages.set(page, GuestPages::zero);
      wire::append_page(given, page);
    }
    first = end;
  }
}

bool Remapper::discard(const PausedGuest&, GuestPages& pages, const wire::PageRange& range) {
  bool on_store = false;
  for (std::uint32_t i = 0; i < range.count; ++i) {
    on_store = on_store || pages.has(range.page + i, GuestPages::on_store);
  }
  const bool gone = drop_memory(pages.host(range.page), PageCount{range.count}.bytes(), on_store);
  for (std::uint32_t i = 0; gone && i < range.count; ++i) {
    pages.clear(range.page + i,
                GuestPages::on_store | GuestPages::offered | GuestPages::merged | GuestPages::zero);
  }
  return gone;
}

}  // namespace samepage::dedup
