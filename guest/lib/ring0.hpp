// SPDX-License-Identifier: Apache-2.0
// What services.S and tables.S offer to C++: the few things that ring 3 can't do. Ring 3 does everything else
// itself, the low ports and the local APIC included.
#pragma once

#include <cstdint>

extern "C" {

struct CpuidResult {
  std::uint32_t eax;
  std::uint32_t ebx;
  std::uint32_t ecx;
  std::uint32_t edx;
};

[[noreturn]] void halt_forever();
[[noreturn]] void triple_fault();
void wait_for_timer();
void wait_for_deadline(std::uint64_t tsc);
std::uint64_t ring0_tsc();
void write_any_port(std::uint16_t port, std::uint8_t value);
std::uint8_t read_any_port(std::uint16_t port);
void read_cpuid(std::uint32_t leaf, std::uint32_t subleaf, CpuidResult* result);

/// The CPU that calls: 0 is the one that booted, the others are numbered as they came up.
std::uint32_t cpu_index();

}  // extern "C"
