// SPDX-License-Identifier: Apache-2.0
// The first call that needs the clock sets it up, so that a guest without need for time does not pay for it.
// That call comes from the first CPU: start_cpus makes it before there is a second.
#include "guest/lib/time.hpp"

#include <algorithm>
#include <array>

#include "guest/lib/cpu.hpp"
#include "guest/lib/local_apic.hpp"
#include "guest/lib/ring0.hpp"

namespace samepage::guest {
namespace {

using local_apic::TimerMode;

constexpr std::uint32_t hypervisor_leaf = 0x40000000;
constexpr std::uint32_t hypervisor_timing_leaf = 0x40000010;
constexpr std::uint32_t has_hypervisor = 1U << 31;    // leaf 1, ecx
constexpr std::uint32_t has_tsc_deadline = 1U << 24;  // leaf 1, ecx
constexpr std::uint32_t assumed_tsc_khz = 2'000'000;
constexpr std::uint32_t virtual_apic_khz = 1'000'000;  // KVM's and QEMU's local APIC: one count a nanosecond

struct Clock {
  std::uint64_t tsc_khz;      // 0: not known yet
  std::uint64_t apic_khz;     // one-shot mode only
  std::uint64_t ring0_ahead;  // deadline mode only: ticks that ring 0's TSC is ahead of ring 3's, modulo 2^64
  TimerMode mode;
};

Clock clock;
std::array<bool, max_cpus> timer_enabled;

CpuidResult cpuid(std::uint32_t leaf) {
  CpuidResult result;
  read_cpuid(leaf, 0, &result);
  return result;
}

struct Sample {
  Ticks time;
  std::uint32_t count;
};

// The APIC timer's count and the time when it was read: the best of a few readings, because the host may
// suspend a guest at any moment.
Sample sample_timer() {
  Sample best{};
  Ticks best_width{~0ULL};
  for (unsigned i = 0; i < 8; ++i) {
    const Ticks before = now();
    const std::uint32_t count = local_apic::timer_count();
    const Ticks width = now() - before;
    if (width >= best_width) continue;
    best = {before + Ticks{width.count / 2}, count};
    best_width = width;
  }
  return best;
}

// TSC ticks in 2^20 counts of the APIC timer.
std::uint64_t measure_timer() {
  constexpr std::uint32_t least_counts = 4'000'000;
  local_apic::enable_timer(TimerMode::one_shot);
  local_apic::set_timer_count(~0U);
  const Sample first = sample_timer();
  Sample last = first;
  while (first.count - last.count < least_counts) last = sample_timer();
  local_apic::set_timer_count(0);
  return ((last.time - first.time).count << 20) / (first.count - last.count);
}

// What the hypervisor says, or else the CPU; 0 if neither does.
std::uint64_t stated_tsc_khz(bool hypervisor) {
  if (hypervisor && cpuid(hypervisor_leaf).eax >= hypervisor_timing_leaf) {
    const std::uint32_t khz = cpuid(hypervisor_timing_leaf).eax;
    if (khz != 0) return khz;
  }
  const std::uint32_t last_leaf = cpuid(0).eax;
  if (last_leaf >= 0x15) {
    const CpuidResult ratio = cpuid(0x15);
    if (ratio.eax != 0 && ratio.ebx != 0 && ratio.ecx != 0) {
      return std::uint64_t{ratio.ecx} * ratio.ebx / ratio.eax / 1000;
    }
  }
  if (last_leaf >= 0x16) return std::uint64_t{cpuid(0x16).eax & 0xffff} * 1000;
  return 0;
}

void set_clock() {
  const std::uint32_t features = cpuid(1).ecx;
  const bool hypervisor = (features & has_hypervisor) != 0;
  clock.mode = (features & has_tsc_deadline) != 0 ? TimerMode::tsc_deadline : TimerMode::one_shot;
  std::uint64_t tsc_khz = stated_tsc_khz(hypervisor);
  if (tsc_khz == 0 && hypervisor) tsc_khz = measure_timer() * virtual_apic_khz >> 20;
  if (tsc_khz == 0) tsc_khz = assumed_tsc_khz;
  if (clock.mode == TimerMode::tsc_deadline) {
    // Where ring 3 runs natively it reads the host's TSC, and ring 0 the guest's.
    const Ticks before = now();
    clock.ring0_ahead = ring0_tsc() - before.count;
  } else {
    clock.apic_khz = (tsc_khz << 20) / measure_timer();
  }
  clock.tsc_khz = tsc_khz;
}

const Clock& the_clock() {
  if (clock.tsc_khz == 0) set_clock();
  return clock;
}

}  // namespace

Ticks now() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return {std::uint64_t{high} << 32 | low};
}

Ticks microseconds(std::uint64_t count) {
  return {count * the_clock().tsc_khz / 1000};
}
Ticks milliseconds(std::uint64_t count) {
  return {count * the_clock().tsc_khz};
}
std::uint64_t to_microseconds(Ticks ticks) {
  return ticks.count * 1000 / the_clock().tsc_khz;
}

void spin_for(Ticks length) {
  const Ticks end = now() + length;
  while (now() < end) asm volatile("pause");
}

void sleep_until(Ticks when) {
  const Clock& timing = the_clock();
  bool& enabled = timer_enabled[cpu_index()];
  if (!enabled) local_apic::enable_timer(timing.mode);
  enabled = true;
  for (Ticks time = now(); time < when; time = now()) {
    if (timing.mode == TimerMode::tsc_deadline) {
      wait_for_deadline(when.count + timing.ring0_ahead);
    } else {
      // A second at most, so that neither the multiplication nor the count overflows.
      const std::uint64_t ticks = std::min((when - time).count, timing.tsc_khz * 1000);
      local_apic::set_timer_count(
          static_cast<std::uint32_t>(std::max<std::uint64_t>(1, ticks * timing.apic_khz / timing.tsc_khz)));
      wait_for_timer();
    }
  }
}

}  // namespace samepage::guest
