// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/boot_information.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/byte_writer.hpp"
#include "base/check.hpp"
#include "vmm/boot/multiboot.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using MemoryMap = std::vector<abi::PvhMemoryRange>;

void put(const GuestMemory& memory, Gpa address, std::span<const std::byte> bytes) {
  invariant(memory.write(address, bytes), "what a guest is told at its entry is outside RAM");
}

template <typename Value>
void put_value(const GuestMemory& memory, Gpa address, const Value& value) {
  put(memory, address, std::as_bytes(std::span(&value, 1)));
}

void put_text(const GuestMemory& memory, Gpa address, const std::string& text) {
  invariant(text.size() < layout::command_line_bytes, "the command line is too long");
  put(memory, address, std::as_bytes(std::span(text.c_str(), text.size() + 1)));
}

// Addresses below 4 GiB, as older protocols have them.
std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

void write_pvh(const GuestMemory& memory, const BootInformation& information, const MemoryMap& map) {
  abi::PvhStartInfo info{};
  info.magic = abi::pvh_magic;
  info.version = 1;
  info.command_line = layout::command_line.value;
  info.memory_map = layout::memory_map.value;
  info.memory_range_count = narrow(map.size());
  if (information.kind != ImageKind::bare) info.rsdp = layout::acpi_tables.value;
  if (information.initrd) {
    info.module_count = 1;
    info.modules = layout::module_list.value;
    const abi::PvhModule module{information.initrd->address.value, information.initrd->bytes, 0, 0};
    put_value(memory, layout::module_list, module);
  }
  put_value(memory, layout::start_info, info);
  put(memory, layout::memory_map, std::as_bytes(std::span(map)));
  put_text(memory, layout::command_line, information.command_line);
}

// The "zero page", Documentation/arch/x86/zero-page.rst; offsets in it.
enum BootParameter : std::size_t {
  acpi_rsdp = 0x070,
  e820_count = 0x1e8,
  setup_header = 0x1f1,
  boot_flag = 0x1fe,
  header_magic = 0x202,
  loader_type = 0x210,
  load_flags = 0x211,
  ramdisk_address = 0x218,
  ramdisk_bytes = 0x21c,
  command_line_address = 0x228,
  kernel_alignment = 0x230,
  e820_table = 0x2d0,
};

template <typename Value>
void set(std::span<std::byte> page, std::size_t offset, Value value) {
  std::memcpy(page.data() + offset, &value, sizeof(value));
}

void set_setup_header(std::span<std::byte> page, std::span<const std::byte> header) {
  if (header.empty()) {  // a vmlinux has none: what it looks at
    set<std::uint16_t>(page, boot_flag, 0xaa55);
    set<std::uint32_t>(page, header_magic, 0x5372'6448);  // "HdrS"
    set<std::uint8_t>(page, load_flags, 1);               // it is loaded high
    set<std::uint32_t>(page, kernel_alignment, 0x100'0000);
    return;
  }
  const auto fits = std::min<std::size_t>(header.size(), e820_table - setup_header);
  std::copy_n(header.begin(), fits, page.begin() + setup_header);
}

void set_e820(std::span<std::byte> page, const MemoryMap& map) {
  constexpr std::size_t entry_bytes = 20;
  set(page, e820_count, static_cast<std::uint8_t>(map.size()));
  std::size_t at = e820_table;
  for (const abi::PvhMemoryRange& range : map) {
    set(page, at, range.start);
    set(page, at + 8, range.size);
    set(page, at + 16, range.type);
    at += entry_bytes;
  }
}

// The first 4 GiB at themselves, in 2 MiB pages, and flat 64-bit segments: the least that the protocol asks
// for.
void write_paging(const GuestMemory& memory) {
  constexpr std::uint64_t present_writable = 0x3;
  constexpr std::uint64_t large = 0x80;
  const std::uint64_t tables = layout::linux_page_tables.value;
  ByteWriter out;
  out.put((tables + page_size) | present_writable).pad_to(page_size);
  for (std::uint64_t i = 0; i < 4; ++i) out.put((tables + (2 + i) * page_size) | present_writable);
  out.pad_to(2 * page_size);
  for (std::uint64_t at = 0; at < layout::high_ram.value; at += std::uint64_t{2} << 20U) {
    out.put(at | present_writable | large);
  }
  put(memory, layout::linux_page_tables, out.take());
  const std::array<std::uint64_t, 4> gdt{0, 0, 0x00af'9b00'0000'ffff, 0x00cf'9300'0000'ffff};
  put_value(memory, layout::linux_gdt, gdt);
}

void write_linux64(const GuestMemory& memory, const BootInformation& information, const MemoryMap& map) {
  std::array<std::byte, page_size> page{};
  set_setup_header(page, information.setup_header);
  set<std::uint8_t>(page, loader_type, 0xff);  // none of those that have a number
  set(page, command_line_address, narrow(layout::linux_command_line.value));
  set(page, acpi_rsdp, layout::acpi_tables.value);
  if (information.initrd) {
    set(page, ramdisk_address, narrow(information.initrd->address.value));
    set(page, ramdisk_bytes, narrow(information.initrd->bytes));
  }
  set_e820(page, map);
  put(memory, layout::linux_parameters, page);
  put_text(memory, layout::linux_command_line, information.command_line);
  write_paging(memory);
}

void write_multiboot(const GuestMemory& memory, const BootInformation& information, const MemoryMap& map) {
  const std::string& words = information.command_line;
  put_text(memory, layout::multiboot_command_line,
           information.image_name + (words.empty() ? "" : " ") + words);
  put_text(memory, layout::multiboot_loader_name, "samepage");

  ByteWriter ranges;
  for (const abi::PvhMemoryRange& range : map) {
    ranges.put(std::uint32_t{20}).put(range.start).put(range.size).put(range.type);
  }
  multiboot::Information info{};
  info.memory_map_bytes = narrow(ranges.size());
  info.memory_map = narrow(layout::multiboot_memory_map.value);
  put(memory, layout::multiboot_memory_map, ranges.take());

  const std::uint64_t upper = memory.regions().front().pages.bytes() - layout::isa_hole_end.value;
  info.flags = multiboot::has_memory | multiboot::has_command_line | multiboot::has_memory_map |
               multiboot::has_loader_name;
  info.lower_kib = narrow(layout::isa_hole.value >> 10U);
  info.upper_kib = narrow(upper >> 10U);
  info.command_line = narrow(layout::multiboot_command_line.value);
  info.loader_name = narrow(layout::multiboot_loader_name.value);
  if (information.initrd) {
    const Gpa start = information.initrd->address;
    info.flags |= multiboot::has_modules;
    info.module_count = 1;
    info.modules = narrow(layout::multiboot_module.value);
    const multiboot::Module module{narrow(start.value), narrow((start + information.initrd->bytes).value),
                                   info.command_line, 0};
    put_value(memory, layout::multiboot_module, module);
  }
  put_value(memory, layout::multiboot_information, info);
}

}  // namespace

MemoryMap memory_map(std::span<const dedup::MemoryRegion> ram, std::span<const GfnRange> roms,
                     ImageKind kind) {
  MemoryMap map;
  const auto add = [&map](Gpa start, Gpa end, std::uint32_t type) {
    map.push_back({start.value, end - start, type, 0});
  };
  for (const dedup::MemoryRegion& region : ram) {
    Gpa start = region.first.gpa();
    const Gpa end = start + region.pages.bytes();
    if (kind != ImageKind::bare && start < layout::isa_hole && layout::isa_hole_end < end) {
      add(start, layout::isa_hole, abi::e820_ram);
      add(layout::isa_hole, layout::isa_hole_end, abi::e820_reserved);
      start = layout::isa_hole_end;
    }
    add(start, end, abi::e820_ram);
  }
  for (const GfnRange& rom : roms) add(rom.first.gpa(), rom.end().gpa(), abi::e820_reserved);
  return map;
}

void write_boot_information(const GuestMemory& memory, const BootInformation& information) {
  const MemoryMap map = memory_map(memory.regions(), information.roms, information.kind);
  invariant(map.size() <= layout::max_memory_ranges, "there are too many memory ranges");
  switch (information.protocol) {
    case BootProtocol::pvh:
      return write_pvh(memory, information, map);
    case BootProtocol::linux64:
      return write_linux64(memory, information, map);
    case BootProtocol::multiboot:
      return write_multiboot(memory, information, map);
  }
}

}  // namespace samepage::vmm
