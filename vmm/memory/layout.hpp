// SPDX-License-Identifier: Apache-2.0
// Every guest physical address that the VMM decides, in one place.
//
//   0x0000'0000  RAM ...
//   0x0000'7000  the boot page of a PVH guest: start info, memory map, command line (written before the guest
//                starts; the guest may use the page again once it has read them)
//   0x0000'8000  RAM ...
//   0x0009'0000  in place of the boot page: what the Linux 64-bit and the Multiboot protocol start with
//   0x000a'0000  RAM; for stock kernels reserved, as on any PC, with the ACPI tables at 0x000e'0000, the
//                generation ID at 0x000f'f000 and the reset vector at 0x000f'fff0
//   0x0010'0000  RAM ... up to 3 GiB; an initrd lies as high as the kernel can reach it
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
inline constexpr Gpa module_list{0x7040};
inline constexpr Gpa memory_map{0x7060};
inline constexpr std::size_t max_memory_ranges = 38;
inline constexpr Gpa command_line{0x7400};
inline constexpr std::size_t command_line_bytes = 0xc00;  // the terminating zero included
inline constexpr Gpa boot_end{0x8000};

static_assert(start_info + sizeof(abi::PvhStartInfo) <= module_list);
static_assert(module_list + sizeof(abi::PvhModule) <= memory_map);
static_assert(memory_map + max_memory_ranges * sizeof(abi::PvhMemoryRange) <= command_line);
static_assert(command_line + command_line_bytes == boot_end && boot_end - boot_page == page_size);

// The 64-bit Linux protocol.
inline constexpr Gpa linux_parameters{0x9'0000};   // one page
inline constexpr Gpa linux_page_tables{0x9'1000};  // six pages
inline constexpr Gpa linux_gdt{0x9'7000};
inline constexpr Gpa linux_command_line{0x9'8000};

// Multiboot: two pages.
inline constexpr Gpa multiboot_information{0x9'e000};
inline constexpr Gpa multiboot_module{0x9'e080};
inline constexpr Gpa multiboot_loader_name{0x9'e0a0};
inline constexpr Gpa multiboot_memory_map{0x9'e100};
inline constexpr Gpa multiboot_command_line{0x9'f000};
static_assert(multiboot_memory_map + max_memory_ranges * 24 <= multiboot_command_line);

// Stock kernels only.
inline constexpr Gpa isa_hole{0xa'0000};
inline constexpr Gpa acpi_tables{0xe'0000};  // where a guest that is not told searches for the RSDP
inline constexpr std::size_t acpi_bytes = 0x1'f000;
inline constexpr Gpa generation_id{0xf'f000};  // devices/generation_id.hpp
static_assert(acpi_tables + acpi_bytes == generation_id);
inline constexpr Gpa reset_vector{0xf'fff0};  // where real-mode code jumps to reset the machine
static_assert(generation_id + abi::generation_bytes <= reset_vector);
inline constexpr Gpa isa_hole_end{0x10'0000};
inline constexpr std::uint16_t acpi_sleep_control_port = 0x600;
inline constexpr std::uint16_t acpi_sleep_status_port = 0x601;
inline constexpr std::uint16_t acpi_reset_port = 0x602;
inline constexpr std::uint32_t generation_gsi = 23;  // a pin that no PIC has
inline constexpr std::uint32_t com1_gsi = 4;

inline constexpr Gpa hole{0xc000'0000};
inline constexpr Gpa virtio_devices{0xfeb0'0000};  // a page for each
inline constexpr std::uint64_t virtio_device_bytes = 0x1000;
inline constexpr std::uint32_t first_virtio_gsi = 5;  // each has a pin of its own of the IOAPIC
inline constexpr std::uint32_t max_virtio_devices = generation_gsi - first_virtio_gsi;
inline constexpr Gpa virtio_devices_end = virtio_devices + max_virtio_devices * virtio_device_bytes;
inline constexpr Gpa devices{0xfec0'0000};
inline constexpr Gpa io_apic = devices;
inline constexpr Gpa local_apic{0xfee0'0000};
inline constexpr Gpa kvm_identity_map{0xfffb'c000};  // one page
inline constexpr Gpa kvm_tss{0xfffb'd000};           // three pages
inline constexpr Gpa high_ram{0x1'0000'0000};

/// No ROM lies beyond it: the smallest physical address space of the CPUs that KVM runs on is 39 bits.
inline constexpr Gpa rom_limit{std::uint64_t{1} << 39U};
/// Four entries of the memory map are for RAM and the ISA hole in it.
inline constexpr std::size_t max_roms = max_memory_ranges - 4;

/// APIC ids have 8 bits in the tables that guests read, and 255 means all CPUs.
inline constexpr unsigned max_cpus = 255;

/// What a guest needs beside its image for stacks, heap and page tables.
inline constexpr std::uint64_t working_memory = std::uint64_t{2} << 20U;

}  // namespace samepage::vmm::layout
