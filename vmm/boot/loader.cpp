// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/loader.hpp"

#include "base/check.hpp"
#include "vmm/boot/layout.hpp"

namespace samepage::vmm {

void load_segments(const Image& image, std::span<const std::byte> file, const GuestMemory& memory) {
  for (const Segment& segment : image.segments) {
    const bool loaded = memory.write(segment.address, file.subspan(segment.file_offset, segment.file_bytes));
    invariant(loaded, "a checked segment is outside RAM");
  }
}

std::vector<abi::PvhMemoryRange> memory_map(std::span<const dedup::MemoryRegion> ram,
                                            std::span<const GfnRange> roms) {
  std::vector<abi::PvhMemoryRange> map;
  for (const dedup::MemoryRegion& region : ram) {
    map.push_back({region.first.gpa().value, region.pages.bytes(), abi::e820_ram, 0});
  }
  for (const GfnRange& rom : roms) {
    map.push_back({rom.first.gpa().value, rom.pages.bytes(), abi::e820_reserved, 0});
  }
  return map;
}

void write_boot_page(const GuestMemory& memory, std::span<const GfnRange> roms,
                     const std::string& command_line) {
  const auto map = memory_map(memory.regions(), roms);
  abi::PvhStartInfo info{};
  info.magic = abi::pvh_magic;
  info.version = 1;
  info.command_line = layout::command_line.value;
  info.memory_map = layout::memory_map.value;
  info.memory_range_count = static_cast<std::uint32_t>(map.size());
  const bool fits =
      map.size() <= layout::max_memory_ranges && command_line.size() < layout::command_line_bytes;
  invariant(fits, "the boot page is too small");
  const std::span text(command_line.c_str(), command_line.size() + 1);
  const bool written = memory.write(layout::start_info, std::as_bytes(std::span(&info, 1))) &&
                       memory.write(layout::memory_map, std::as_bytes(std::span(map))) &&
                       memory.write(layout::command_line, std::as_bytes(text));
  invariant(written, "the boot page is outside RAM");
}

}  // namespace samepage::vmm
