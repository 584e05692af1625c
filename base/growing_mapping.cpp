// SPDX-License-Identifier: Apache-2.0
#include "base/growing_mapping.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/types.hpp"

namespace samepage {
namespace {

constexpr std::size_t granule = std::size_t{64} << 10;

std::size_t rounded(std::size_t bytes) {
  return (bytes + granule - 1) / granule * granule;
}

}  // namespace

GrowingMapping::~GrowingMapping() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

void GrowingMapping::grow(std::size_t bytes) {
  if (bytes <= size_) return;
  // A quarter more than there is, so that an array that grows page by page seldom moves.
  const std::size_t size = rounded(std::max(bytes, size_ + size_ / 4));
  void* address = address_ == nullptr ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                      : ::mremap(address_, size_, size, MREMAP_MAYMOVE);
  if (address == MAP_FAILED) throw_errno("memory for records of pages");
  // Small pages, so that what was never written costs nothing.
  if (address_ == nullptr) ::madvise(address, size, MADV_NOHUGEPAGE);
  address_ = static_cast<std::byte*>(address);
  size_ = size;
}

void GrowingMapping::shrink(std::size_t bytes) noexcept {
  const std::size_t size = std::max(rounded(bytes), granule);
  // Not for a small change: the mapping would only move when it grows again.
  if (size >= size_ - size_ / 4) return;
  if (::mremap(address_, size_, size, 0) != MAP_FAILED) size_ = size;
}

void GrowingMapping::clear(std::size_t begin, std::size_t end) noexcept {
  const std::size_t first = std::min(end, pages_for(begin).bytes());
  const std::size_t last = std::max(first, pages_in(end).bytes());
  if (last == first || ::madvise(address_ + first, last - first, MADV_DONTNEED) != 0) {
    std::memset(address_ + begin, 0, end - begin);
    return;
  }
  std::memset(address_ + begin, 0, first - begin);
  std::memset(address_ + last, 0, end - last);
}

}  // namespace samepage
