// SPDX-License-Identifier: Apache-2.0
// All the firmware that stock kernels find: real-mode code at the reset vector that uses the ACPI reset
// register. Linux goes this way by itself: where ACPI is hardware-reduced it resets through EFI, and where
// there is none it jumps to ffff:0000.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vmm/boot/acpi.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {

inline constexpr std::array<std::byte, 9> reset_code{
    std::byte{0xba},  // mov dx, acpi_reset_port
    std::byte{layout::acpi_reset_port & 0xff},
    std::byte{layout::acpi_reset_port >> 8U},
    std::byte{0xb0},  // mov al, acpi_reset_value
    std::byte{acpi_reset_value},
    std::byte{0xee},  // out dx, al
    std::byte{0xf4},  // hlt
    std::byte{0xeb},  // jmp to the hlt
    std::byte{0xfd},
};
static_assert(reset_code.size() <= 16);

}  // namespace samepage::vmm
