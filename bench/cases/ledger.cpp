// SPDX-License-Identifier: Apache-2.0
// Where the pages of all images are when they have merged and what is left has gone out, and what that costs:
// beside the kernel's swap to a file on the same disk, and to zram. All have the same memory, in turns.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/check.hpp"
#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "bench/cases/cases.hpp"
#include "bench/page_outs.hpp"
#include "bench/swap_space.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view name = "ledger";

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1U << 20U);
}

void add(Bench& bench, std::string_view metric, std::string_view unit, double value) {
  bench.report.add(name, metric, unit, Party::samepage, value);
}

// What all of them have in memory that is nobody else's.
std::uint64_t memory_of_all(const Holders& holders) {
  std::uint64_t sum = 0;
  for (const Holder& holder : holders) sum += memory_of(holder.pid()).value_or(ProcessMemory{}).pss_anon;
  return sum;
}

struct Costs {
  double wall = 0, cpu = 0;  // seconds

  void add(const json& stopwatch) {
    wall += stopwatch.at("ns").get<double>() / 1e9;
    cpu += stopwatch.at("cpu_ns").get<double>() / 1e9;
  }
};

// A word of each page, guest by guest.
Costs read_all(Holders& holders) {
  Costs costs;
  for (Holder& holder : holders) costs.add(holder.ask({{"do", "read all"}}));
  return costs;
}

struct Outcome {
  std::uint64_t memory = 0, disk = 0;  // bytes
  Costs out, in;
};

void add_outcome(Bench& bench, const std::string& who, const Outcome& outcome) {
  add(bench, who + ": memory left", "MiB", mebibytes(outcome.memory));
  add(bench, who + ": disk", "MiB", mebibytes(outcome.disk));
  add(bench, who + ": time out", "s", outcome.out.wall);
  add(bench, who + ": CPU out", "s", outcome.out.cpu);
  add(bench, who + ": time in", "s", outcome.in.wall);
  add(bench, who + ": CPU in", "s", outcome.in.cpu);
}

void add_states(Bench& bench, const json& host, std::uint64_t all) {
  const auto figure = [&](const char* key) { return host.at(key).get<std::uint64_t>(); };
  add(bench, "pages of all guests", "MiB", mebibytes(all));
  add(bench, "zero: neither memory nor disk", "MiB", mebibytes(PageCount{figure("zero_pages")}.bytes()));
  add(bench, "shared or paged out, by guests' pages", "MiB",
      mebibytes(PageCount{figure("pages_sharing") + figure("pages_shared")}.bytes()));
  add(bench, "paged out, by guests' pages", "MiB", mebibytes(figure("paged_bytes")));
  add(bench, "slots in paging files", "MiB", mebibytes(figure("slots_bytes")));
  add(bench, "frames and slots", "MiB", mebibytes(PageCount{figure("pages_shared")}.bytes()));
}

void measure_samepage(Bench& bench, std::uint64_t all) {
  const PagingFolder folder(bench.options);
  Holders holders = hold(bench.images);
  SamepageEngine engine(bench.options.knobs, folder.words());
  add(bench, "before: memory", "MiB", mebibytes(memory_of_all(holders)));
  auto start = Clock::now();
  settle(engine, holders, bench.options);
  const double merged_cpu = seconds(engine.cpu_time());
  // With the frames, and with the daemon.
  const auto memory_now = [&] {
    return memory_of_all(holders) + memory_of(engine.daemon_pid()).value_or(ProcessMemory{}).pss_anon +
           engine.host_figures().at("store_bytes").get<std::uint64_t>();
  };
  add(bench, "samepage: merged: memory left", "MiB", mebibytes(memory_now()));
  add(bench, "samepage: merged: CPU", "s", merged_cpu);
  Outcome outcome;
  start = Clock::now();
  begin_page_out(holders);
  finish_page_out(holders);
  outcome.out = {ms_since(start) / 1000, seconds(engine.cpu_time()) - merged_cpu};
  engine.rest();
  const json host = engine.host_figures();
  add_states(bench, host, all);
  add(bench, "metadata of daemon and agents a page", "bytes",
      static_cast<double>(engine.costs().metadata_bytes.value_or(0)) /
          static_cast<double>(pages_in(all).value));
  const ProcessMemory daemon = memory_of(engine.daemon_pid()).value_or(ProcessMemory{});
  add(bench, "daemon: Pss_Anon", "MiB", mebibytes(daemon.pss_anon));
  outcome.memory = memory_now();
  for (const json& file : engine.paging_files()) outcome.disk += file.at("used_bytes").get<std::uint64_t>();
  outcome.in = read_all(holders);
  add_outcome(bench, "samepage", outcome);
}

// What the kernel has under way it does not take away at the first try.
Costs swap_out(Holders& holders) {
  Costs costs;
  std::uint64_t before = memory_of_all(holders);
  for (unsigned tries = 0; tries < 8; ++tries) {
    for (Holder& holder : holders) costs.add(holder.ask({{"do", "swap out"}}));
    const std::uint64_t left = memory_of_all(holders);
    if (left > before / 100 * 99) break;
    before = left;
  }
  return costs;
}

void measure_swap(Bench& bench, const std::string& who, const SwapSpace& swap) {
  Holders holders = hold(bench.images);
  Outcome outcome;
  outcome.out = swap_out(holders);
  outcome.memory = memory_of_all(holders) + swap.memory();
  outcome.disk = swap.memory() == 0 ? swap.used() : 0;
  outcome.in = read_all(holders);
  add_outcome(bench, who, outcome);
}

}  // namespace

void measure_ledger(Bench& bench) {
  std::uint64_t all = 0;
  for (const Image& image : bench.images) all += image.pages().bytes();
  const std::string obstacle = SwapSpace::obstacle();
  const bool swaps = !bench.options.without_swap && obstacle.empty();
  if (!swaps && !bench.options.without_swap)
    bench.note(name, Party::samepage, obstacle + "; kernel swap and zram are left out");
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) {
    if (bench.measures(Party::samepage)) measure_samepage(bench, all);
    if (!swaps) continue;
    const TemporaryDirectory folder(bench.options.disk);
    measure_swap(bench, "kernel swap", SwapSpace(folder.path(), all));
    measure_swap(bench, "zram", SwapSpace(SwapSpace::Zram::device, all));
  }
}

}  // namespace samepage::bench
