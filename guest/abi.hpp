// SPDX-License-Identifier: Apache-2.0
// The whole contract between a guest and the VMM. Nothing in it is special to Samepage: any VMM that boots
// PVH images and has a 16550 at COM1 runs these guests. Guest code and vmm include it. It includes nothing of
// either.
#pragma once

#include <cstdint>

namespace samepage::abi {

// Ports.
inline constexpr std::uint16_t com1_port = 0x3f8;       // a 16550 UART, 8 ports
inline constexpr std::uint16_t debug_exit_port = 0xf4;  // a byte written here ends the guest with that code
                                                        // (QEMU's isa-debug-exit makes 2 * code + 1 of it)
// 16 bytes, each at a port of its own, that are new in each guest that goes on from another one's state:
// whatever must not happen twice (random numbers, names on a network) begins anew when they change. Other
// VMMs: all ones.
inline constexpr std::uint16_t generation_port = 0x620;
inline constexpr std::uint16_t generation_bytes = 16;

// PVH: Xen's "x86/HVM direct boot ABI", xen/include/public/arch-x86/hvm/start_info.h.
inline constexpr std::uint32_t pvh_note_type = 18;      // XEN_ELFNOTE_PHYS32_ENTRY, owner "Xen"
inline constexpr std::uint32_t pvh_magic = 0x336ec578;  // "xEn3" with the top bit set

/// struct hvm_start_info, version 1. At entry ebx holds its guest physical address.
struct PvhStartInfo {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t module_count;
  std::uint64_t modules;       // gpa of PvhModule[module_count]
  std::uint64_t command_line;  // gpa of a zero-terminated string
  std::uint64_t rsdp;
  std::uint64_t memory_map;  // gpa of PvhMemoryRange[memory_range_count]
  std::uint32_t memory_range_count;
  std::uint32_t reserved;
};
static_assert(sizeof(PvhStartInfo) == 56);

/// struct hvm_modlist_entry: an initrd.
struct PvhModule {
  std::uint64_t address;  // gpa
  std::uint64_t size;     // bytes
  std::uint64_t command_line;
  std::uint64_t reserved;
};
static_assert(sizeof(PvhModule) == 32);

/// struct hvm_memmap_table_entry.
struct PvhMemoryRange {
  std::uint64_t start;  // gpa
  std::uint64_t size;   // bytes
  std::uint32_t type;   // an E820 type
  std::uint32_t reserved;
};
static_assert(sizeof(PvhMemoryRange) == 24);

inline constexpr std::uint32_t e820_ram = 1;
inline constexpr std::uint32_t e820_reserved = 2;

}  // namespace samepage::abi
