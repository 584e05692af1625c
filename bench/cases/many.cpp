// SPDX-License-Identifier: Apache-2.0
// Many small guests that only wait: how fast they start, what memory one takes and of which kind, and how
// long the commands that ask all of them take. Beside as many microvms of QEMU with the same image.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>

#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"
#include "bench/micro_vms.hpp"
#include "bench/statistics.hpp"

namespace samepage::bench {
namespace {

constexpr std::string_view name = "many";
constexpr unsigned memory_mib = 32;
constexpr std::string_view program = "hello", arguments = "wait=1";

// What the host has given away, by kind, in KiB.
struct Kind {
  std::string_view text;
  std::string_view field;  // of /proc/meminfo
  int sign;                // -1: a field that falls
};
constexpr std::array kinds{Kind{"MemAvailable", "MemAvailable", -1}, Kind{"anonymous memory", "AnonPages", 1},
                           Kind{"kernel slab", "Slab", 1},           Kind{"page tables", "PageTables", 1},
                           Kind{"per-CPU memory", "Percpu", 1},      Kind{"kernel stacks", "KernelStack", 1}};

class HostMemory {
 public:
  HostMemory() {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      kib_.at(i) = static_cast<double>(host_memory(kinds.at(i).field)) / 1024;
    }
  }
  void add_growth(Bench& bench, const std::string& what, unsigned count) const {
    const HostMemory now;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      bench.report.add(name, fmt::format("{}: {}", what, kinds.at(i).text), "KiB a guest", Party::samepage,
                       kinds.at(i).sign * (now.kib_.at(i) - kib_.at(i)) / count);
    }
  }

 private:
  std::array<double, kinds.size()> kib_{};
};

double median_time_ms(Bench& bench, const LiveGuests& guests, const Words& words) {
  std::vector<double> times;
  for (std::uint32_t round = 0; round < bench.options.rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    static_cast<void>(guests.run(words));
    times.push_back(ms_since(start));
  }
  return percentile(times, 50);
}

void add(Bench& bench, const std::string& metric, std::string_view unit, double value) {
  bench.report.add(name, metric, unit, Party::samepage, value);
}

void measure_ours(Bench& bench, unsigned count) {
  const LiveGuests guests(bench, name);
  const Words one{"run",   "--detach",           "--mem", fmt::format("{}M", memory_mib), "--name",
                  "first", std::string(program), "--",    std::string(arguments)};
  static_cast<void>(guests.run(one));  // the daemon is there then
  const std::string what = fmt::format("{} guests", count);
  const HostMemory before;
  const auto start = std::chrono::steady_clock::now();
  static_cast<void>(
      guests.run({"run", "--detach", "--mem", fmt::format("{}M", memory_mib), "--name", "g", "--count",
                  std::to_string(count), std::string(program), "--", std::string(arguments)}));
  const double took = ms_since(start);
  for (unsigned number = 1; number <= count; number += std::max(1U, count - 1)) {
    guests.wait_for(count == 1 ? "g" : fmt::format("g-{}", number), std::string(program));
  }
  pause_for(std::chrono::seconds(1));  // what is freed late
  add(bench, fmt::format("{}: started", what), "1/s", count * 1000 / took);
  before.add_growth(bench, what, count);
  add(bench, fmt::format("{}: Pss", what), "KiB a guest",
      static_cast<double>(pss_of(guests.ask({"ps"}))) / 1024 / (count + 1));
  for (const std::string command : {"stat", "ps"}) {
    add(bench, fmt::format("{}: {}", what, command), "ms", median_time_ms(bench, guests, {command}));
  }
}

void measure_micro_vms(Bench& bench, unsigned count) {
  const std::string what = fmt::format("{} QEMU microvms", count);
  const std::string image = LiveGuests::image(std::string(program));
  const HostMemory before;
  const auto start = std::chrono::steady_clock::now();
  const MicroVms vms(image, std::string(arguments), count, memory_mib);
  const double took = ms_since(start);
  pause_for(std::chrono::seconds(1));
  add(bench, fmt::format("{}: started", what), "1/s", count * 1000 / took);
  before.add_growth(bench, what, count);
  double pss = 0;
  for (const pid_t pid : vms.pids()) pss += static_cast<double>(memory_of(pid).value_or(ProcessMemory{}).pss);
  add(bench, fmt::format("{}: Pss", what), "KiB a guest", pss / 1024 / count);
}

}  // namespace

void measure_many(Bench& bench) {
  const std::string no_qemu = bench.options.without_qemu ? "--without-qemu" : MicroVms::obstacle();
  if (!no_qemu.empty())
    bench.note(name, Party::samepage, fmt::format("without QEMU's microvms: {}", no_qemu));
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) {
    for (unsigned count = std::min(bench.options.most, 4U); count <= bench.options.most; count *= 4) {
      measure_ours(bench, count);
      if (no_qemu.empty()) measure_micro_vms(bench, count);
    }
  }
}

}  // namespace samepage::bench
