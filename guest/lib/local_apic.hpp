// SPDX-License-Identifier: Apache-2.0
// This CPU's local APIC in xAPIC mode, through its registers in memory: ring 3 reaches them as well as ring
// 0. Each access is an exit, and interpreted.
#pragma once

#include <cstdint>

namespace samepage::guest::local_apic {

enum class TimerMode : std::uint32_t { one_shot = 0, tsc_deadline = 2 };

/// Interprocessor interrupts to all CPUs but this one. `page` is the number of a page below 1 MiB.
void init_others();
void start_others(std::uint8_t page);

/// Lets the timer interrupt this CPU, and nothing else.
void enable_timer(TimerMode mode);

/// One-shot mode: the timer counts down from here, once, at the APIC bus frequency.
void set_timer_count(std::uint32_t count);
[[nodiscard]] std::uint32_t timer_count();

}  // namespace samepage::guest::local_apic
