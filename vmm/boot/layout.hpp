// SPDX-License-Identifier: Apache-2.0
// Every guest physical address that the VMM decides, in one place.
//
//   0x0000'0000  RAM ...
//   0x0000'7000  the boot page: start info, memory map, command line (written before the guest starts; the
//                guest may use the page again once it has read them)
//   0x0000'8000  RAM ... up to 3 GiB
//   0xc000'0000  the hole: no RAM; ROMs may lie here
//   0xfeb0'0000  virtio devices, a page for each; ROMs lie below
//   0xfec0'0000  IOAPIC, LAPICs (0xfee0'0000), KVM's own four pages
//   0x1'0000'0000  the RAM that did not fit below the hole
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/types.hpp"
#include "guest/abi.hpp"

namespace samepage::vmm::layout {

inline constexpr Gpa boot_page{0x7000};
inline constexpr Gpa start_info = boot_page;
inline constexpr Gpa memory_map{0x7040};
inline constexpr std::size_t max_memory_ranges = 40;
inline constexpr Gpa command_line{0x7400};
inline constexpr std::size_t command_line_bytes = 0xc00;  // the terminating zero included
inline constexpr Gpa boot_end{0x8000};

static_assert(start_info + sizeof(abi::PvhStartInfo) <= memory_map);
static_assert(memory_map + max_memory_ranges * sizeof(abi::PvhMemoryRange) <= command_line);
static_assert(command_line + command_line_bytes == boot_end && boot_end - boot_page == page_size);

inline constexpr Gpa hole{0xc000'0000};
inline constexpr Gpa virtio_devices{0xfeb0'0000};  // a page for each
inline constexpr std::uint64_t virtio_device_bytes = 0x1000;
inline constexpr std::uint32_t first_virtio_gsi = 5;  // each has a pin of its own of the IOAPIC's 24
inline constexpr std::uint32_t max_virtio_devices = 24 - first_virtio_gsi;
inline constexpr Gpa virtio_devices_end = virtio_devices + max_virtio_devices * virtio_device_bytes;
inline constexpr Gpa devices{0xfec0'0000};
inline constexpr Gpa kvm_identity_map{0xfffb'c000};  // one page
inline constexpr Gpa kvm_tss{0xfffb'd000};           // three pages
inline constexpr Gpa high_ram{0x1'0000'0000};

/// No ROM lies beyond it: the smallest physical address space of the CPUs that KVM runs on is 39 bits.
inline constexpr Gpa rom_limit{std::uint64_t{1} << 39U};
/// Two entries of the memory map are for RAM.
inline constexpr std::size_t max_roms = max_memory_ranges - 2;

/// What a guest needs beside its image for stacks, heap and page tables.
inline constexpr std::uint64_t working_memory = std::uint64_t{2} << 20U;

}  // namespace samepage::vmm::layout
