// SPDX-License-Identifier: Apache-2.0
// The ACPI tables of a guest: RSDP, XSDT, FADT, MADT, DSDT. The platform is "hardware-reduced": no timer, no
// power-management block, no legacy devices, only CPUs, an IOAPIC, COM1, virtio-mmio devices, and three
// one-byte ports for sleep and reset. Pure. ACPI 6.5, chapter 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace samepage::vmm {

/// A virtio-mmio device as the DSDT has it: below 4 GiB, on an IOAPIC pin of its own.
struct AcpiVirtioDevice {
  Gpa address;
  std::uint64_t bytes = 0;
  std::uint32_t gsi = 0;
};

/// What a guest must write into the sleep control register to be powered off: SLP_TYP of \_S5 and SLP_EN.
inline constexpr std::uint8_t acpi_s5_type = 5;
inline constexpr std::uint8_t acpi_sleep_enable = 0x20;
inline constexpr std::uint8_t acpi_sleep_type_shift = 2;
inline constexpr std::uint8_t acpi_reset_value = 1;

/// The tables one after the other, RSDP first, with addresses for a place at layout::acpi_tables. vCPU i has
/// APIC id i. Device n is named V000 + n (hexadecimal) and has _UID n.
std::vector<std::byte> acpi_tables(unsigned cpus, std::span<const AcpiVirtioDevice> devices);

}  // namespace samepage::vmm
