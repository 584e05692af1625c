// SPDX-License-Identifier: Apache-2.0
// INIT, SIPI, SIPI to all others at once (SDM 3A 8.4.4.1), so that APIC ids need not be known: start.S
// numbers the CPUs as they come.
#include "guest/lib/cpu.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "guest/lib/local_apic.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/time.hpp"

extern "C" const std::byte trampoline[];
extern "C" const std::byte trampoline_end[];

namespace samepage::guest {
namespace {

constexpr std::uint32_t core_level = 1;

void (*secondary_program)();
std::atomic<std::uint32_t> running{1};

bool all_run_within(Ticks patience, std::uint32_t expected) {
  const Ticks end = now() + patience;
  while (running.load(std::memory_order_acquire) < expected) {
    if (now() >= end) return false;
    asm volatile("pause");
  }
  return true;
}

}  // namespace

extern "C" [[noreturn]] void start_secondary() {
  running.fetch_add(1, std::memory_order_release);
  secondary_program();
  halt_forever();
}

std::uint32_t cpu_count() {
  CpuidResult result;
  read_cpuid(0, 0, &result);
  std::uint32_t count = 0;
  if (result.eax >= 0xb) {
    read_cpuid(0xb, core_level, &result);
    count = result.ebx & 0xffff;
  }
  if (count == 0) {
    read_cpuid(1, 0, &result);
    count = result.ebx >> 16 & 0xff;
  }
  return std::max<std::uint32_t>(count, 1);
}

std::uint32_t start_cpus(void (*program)()) {
  const std::uint32_t expected = cpu_count();
  if (expected == 1) return 1;
  secondary_program = program;
  std::byte* const page = low_page();
  std::memcpy(page, trampoline, static_cast<std::size_t>(trampoline_end - trampoline));
  const auto vector = static_cast<std::uint8_t>(reinterpret_cast<std::uintptr_t>(page) / page_size);

  local_apic::init_others();
  spin_for(milliseconds(10));
  local_apic::start_others(vector);
  if (!all_run_within(milliseconds(100), expected)) {
    local_apic::start_others(vector);
    all_run_within(milliseconds(900), expected);
  }
  return running.load(std::memory_order_acquire);
}

}  // namespace samepage::guest
