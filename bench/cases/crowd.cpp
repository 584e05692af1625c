// SPDX-License-Identifier: Apache-2.0
// Guests that write and check all of their memory without end, in a memory cgroup half as large as that: with
// a paging file, with nothing, and with the kernel's swap on the same disk, in turns. No two pages are equal.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/check.hpp"
#include "base/types.hpp"
#include "bench/cases/cases.hpp"
#include "bench/inside_cgroup.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"
#include "bench/page_outs.hpp"
#include "bench/swap_space.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;

constexpr std::string_view name = "crowd";
constexpr unsigned seconds_a_round = 4;
constexpr std::string_view finished = "torture: ok, ", wrong = "torture: FAILED";

enum class Way : std::uint8_t { paging_file, nothing, swap };

std::string_view name_of(Way way) {
  return way == Way::paging_file ? "paging file" : way == Way::swap ? "kernel swap" : "neither";
}

void start_all(const LiveGuests& guests, const Bench& bench, const Words& names) {
  const std::uint64_t pages = bench.options.pattern.pages.value;
  for (std::size_t i = 0; i < names.size(); ++i) {
    static_cast<void>(guests.run(
        {"run", "--detach", "--name", names[i], "--mem", fmt::format("{}M", pages / 256 + pages / 8192 + 16),
         "torture", "--", fmt::format("pages={}", pages),
         fmt::format("seconds={}", seconds_a_round * bench.options.rounds), fmt::format("seed={}", i + 1)}));
  }
}

// Until each of them has come to its end, or was killed.
void wait_for_ends(const LiveGuests& guests, const Words& names, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const Words alive = names_of(guests.ask({"ps"}));
    if (std::none_of(names.begin(), names.end(), [&](const std::string& one) {
          return std::find(alive.begin(), alive.end(), one) != alive.end();
        }))
      return;
    if (std::chrono::steady_clock::now() > end) throw UserError("crowd: the guests do not come to an end");
    pause_for(std::chrono::milliseconds(200));
  }
}

void measure_way(Bench& bench, Way way) {
  const PagingFolder folder(bench.options);
  const std::uint64_t all = bench.options.pattern.pages.bytes() * bench.options.guests;
  std::optional<SwapSpace> swap;
  if (way == Way::swap) swap.emplace(folder.path(), 2 * all);
  const LimitedMemory cgroup(
      fmt::format("samepage-bench-{}", ::getpid()), all / 2,
      way == Way::swap ? LimitedMemory::Swap::allowed : LimitedMemory::Swap::forbidden);
  const LiveGuests guests(bench, name);
  // Its daemon is outside.
  static_cast<void>(guests.run({"run", "--detach", "--name", "first", "hello", "--", "wait=1"}));
  if (way == Way::paging_file) static_cast<void>(guests.ask({"paging", "--add", folder.spec()}));
  Words names;
  for (std::uint32_t i = 0; i < bench.options.guests; ++i) names.push_back(fmt::format("t{}", i));
  const auto start = std::chrono::steady_clock::now();
  inside(cgroup, [&] { start_all(guests, bench, names); });
  wait_for_ends(guests, names, bench.options.limit);
  const double took = seconds(std::chrono::steady_clock::now() - start);
  double ended = 0, visits = 0, failed = 0;
  for (const std::string& one : names) {
    const std::string log = guests.run({"logs", one});
    failed += log.find(wrong) == std::string::npos ? 0 : 1;
    const auto at = log.find(finished);
    if (at == std::string::npos) continue;
    ++ended;
    visits += std::stod(log.substr(at + finished.size()));
  }
  if (failed > 0) throw UserError("crowd: a guest has found a wrong word in its memory");
  const auto add = [&](std::string_view metric, std::string_view unit, double value) {
    bench.report.add(name, fmt::format("{}: {}", name_of(way), metric), unit, Party::samepage, value);
  };
  add("guests that verified all to the end", "", ended);
  add("killed by the kernel", "", static_cast<double>(cgroup.killed()));
  add("pages checked", "1/s", visits / took);
}

}  // namespace

void measure_crowd(Bench& bench) {
  if (const std::string obstacle = SwapSpace::obstacle(); !obstacle.empty()) {
    bench.note(name, Party::samepage, "left out: it makes a memory cgroup, and only root can");
    return;
  }
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) {
    for (const Way way : {Way::paging_file, Way::nothing, Way::swap}) {
      if (way != Way::swap || !bench.options.without_swap) measure_way(bench, way);
    }
  }
}

}  // namespace samepage::bench
