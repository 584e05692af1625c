// SPDX-License-Identifier: Apache-2.0
#include "vmm/snapshot/memory_checksums.hpp"

#include <xxhash.h>

#include <cstddef>
#include <cstring>

#include "vmm/snapshot/snapshot_memory.hpp"

namespace samepage::vmm {
namespace {

MemoryChecksum checksum_of(std::span<const std::byte> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  MemoryChecksum checksum;
  static_assert(sizeof(checksum) == sizeof(canonical.digest));
  std::memcpy(checksum.data(), canonical.digest, checksum.size());
  return checksum;
}

}  // namespace

std::vector<PageRange> checksum_pieces(std::span<const SnapshotRun> runs) {
  std::vector<PageRange> pieces;
  for (const SnapshotRun& run : runs) {
    if (run.file != 0) continue;
    for (PageRange rest = run.pages; !rest.empty();) {
      pieces.push_back(rest.take_front(checksum_pages - rest.first.value % checksum_pages));
    }
  }
  return pieces;
}

std::vector<MemoryChecksum> checksums_of(const MemoryFile& file, std::span<const PageRange> pieces,
                                         PageCount ram, const std::function<void(std::uint64_t)>& pulse) {
  std::vector<MemoryChecksum> checksums;
  checksums.reserve(pieces.size());
  const SnapshotMemory memory({}, {file}, ram);
  std::vector<std::byte> buffer(PageCount{checksum_pages}.bytes());
  for (const PageRange& piece : pieces) {
    const std::span<std::byte> bytes = std::span(buffer).first(PageCount{piece.count}.bytes());
    memory.read({piece, 0, 0}, bytes);
    checksums.push_back(checksum_of(bytes));
    if (pulse) pulse(bytes.size());
  }
  return checksums;
}

}  // namespace samepage::vmm
