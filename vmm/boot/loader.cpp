// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

void copy(Gpa address, std::span<const std::byte> bytes, const GuestMemory& memory) {
  invariant(memory.write(address, bytes), "a checked segment is outside RAM");
}

}  // namespace

void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory,
                   dedup::ImagePlacer* placer) {
  std::vector<dedup::ImagePart> whole_pages;
  for (const Segment& segment : image.segments) {
    const auto bytes = file.subspan(segment.file_offset, segment.file_bytes);
    const std::uint64_t head = pages_for(segment.address.value).bytes() - segment.address.value;
    if (placer == nullptr || bytes.size() < head + page_size) {
      copy(segment.address, bytes, memory);
      continue;
    }
    const std::uint64_t whole = pages_in(bytes.size() - head).bytes();
    whole_pages.push_back({gfn_of(segment.address + head), bytes.subspan(head, whole)});
    copy(segment.address, bytes.first(head), memory);
    copy(segment.address + head + whole, bytes.subspan(head + whole), memory);
  }
  if (placer != nullptr) placer->place(whole_pages);
}

}  // namespace samepage::vmm
