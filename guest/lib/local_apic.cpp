// SPDX-License-Identifier: Apache-2.0
// SDM 3A, chapter 10.
#include "guest/lib/local_apic.hpp"

namespace samepage::guest::local_apic {
namespace {

enum class Register : std::uint32_t {
  spurious_vector = 0xf0,
  command_low = 0x300,
  lvt_timer = 0x320,
  lvt_lint0 = 0x350,
  initial_count = 0x380,
  current_count = 0x390,
  divide = 0x3e0,
};

constexpr std::uint64_t base = 0xfee00000;
constexpr std::uint32_t timer_vector = 0x20;  // as in layout.inc
constexpr std::uint32_t spurious_vector = 0x21;
constexpr std::uint32_t software_enable = 1 << 8;
constexpr std::uint32_t masked = 1 << 16;
constexpr std::uint32_t divide_by_1 = 0xb;

constexpr std::uint32_t delivery_init = 5 << 8;
constexpr std::uint32_t delivery_start_up = 6 << 8;
constexpr std::uint32_t level_assert = 1 << 14;
constexpr std::uint32_t all_but_self = 3 << 18;

// A plain mov each way, because every hypervisor can decode that.
// SAFETY: `base` is mapped uncached by tables.S.
void write(Register reg, std::uint32_t value) {
  auto* const address = reinterpret_cast<std::uint32_t*>(base + static_cast<std::uint32_t>(reg));
  asm volatile("movl %1, %0" : "=m"(*address) : "r"(value) : "memory");
}

std::uint32_t read(Register reg) {
  const auto* const address = reinterpret_cast<const std::uint32_t*>(base + static_cast<std::uint32_t>(reg));
  std::uint32_t value = 0;
  asm volatile("movl %1, %0" : "=r"(value) : "m"(*address) : "memory");
  return value;
}

}  // namespace

void init_others() {
  write(Register::command_low, all_but_self | level_assert | delivery_init);
}

void start_others(std::uint8_t page) {
  write(Register::command_low, all_but_self | level_assert | delivery_start_up | page);
}

void enable_timer(TimerMode mode) {
  write(Register::spurious_vector, software_enable | spurious_vector);
  // Firmware may have left the legacy interrupt controller connected, and the PIT running.
  write(Register::lvt_lint0, masked);
  write(Register::divide, divide_by_1);
  write(Register::lvt_timer, static_cast<std::uint32_t>(mode) << 17 | timer_vector);
}

void set_timer_count(std::uint32_t count) {
  write(Register::initial_count, count);
}
std::uint32_t timer_count() {
  return read(Register::current_count);
}

}  // namespace samepage::guest::local_apic
