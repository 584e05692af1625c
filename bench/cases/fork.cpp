// SPDX-License-Identifier: Apache-2.0
// Clones of a running guest: how long they take, how long their parent is held, what they cost, and what
// becomes of pages that they write and that become equal again. Beside a cold start of the same guest.
#include <fmt/format.h>

#include <chrono>

#include "base/check.hpp"
#include "base/elapsed.hpp"
#include "base/process_memory.hpp"
#include "base/types.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"
#include "bench/statistics.hpp"
#include "manage/cli/console_dialogue.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view name = "fork";
constexpr unsigned cold_starts = 3;

void add(Bench& bench, const std::string& figure, std::string_view unit, double value) {
  bench.report.add(name, figure, unit, Party::samepage, value);
}

double measure_cold_starts(Bench& bench, const LiveGuests& guests) {
  std::vector<double> times;
  for (unsigned i = 0; i < cold_starts; ++i) {
    const auto start = Clock::now();
    guests.start_filled("cold");
    times.push_back(ms_since(start));
    guests.kill({"cold"});
  }
  const double cold = spread_of(times).median;
  add(bench, "cold start until the guest is warm", "ms", cold);
  return cold;
}

void measure_forks(Bench& bench, const LiveGuests& guests, double cold) {
  std::vector<double> command, running, held, pages;
  for (unsigned i = 0; i <= bench.options.forks; ++i) {
    const auto start = Clock::now();
    const json forked = guests.ask({"fork", "parent", "--name", "clone"});
    const double took = ms_since(start);
    const double request = forked.at("took_us").get<double>() / 1000;
    const double held_ms = forked.at("held_us").get<double>() / 1000;
    const double copied = forked.at("pages").get<double>() + forked.at("pages_held").get<double>();
    guests.kill({"clone"});
    if (i == 0) {
      add(bench, "first fork: command until the clone runs", "ms", took);
      add(bench, "first fork: parent held", "ms", held_ms);
      add(bench, "first fork: pages copied", "", copied);
      // The parent's own pages are mapped from the first fork's memory then.
      LiveGuests::wait_until(
          [&] { return guests.figure("parent", "backed_bytes") >= bench.options.pattern.pages.bytes(); });
      continue;
    }
    command.push_back(took);
    running.push_back(request);
    held.push_back(held_ms);
    pages.push_back(copied);
  }
  add_percentiles(bench, name, "parent held", "ms", held);
  add_percentiles(bench, name, "request until the clone runs", "ms", running);
  add_percentiles(bench, name, "command until the clone runs", "ms", command);
  add(bench, "pages copied, p50", "", percentile(pages, 50));
  add(bench, "command : cold start", "", percentile(command, 50) / cold);
}

// Of a clone that has written next to nothing: its memory is in its parent's file.
void measure_first_forks(Bench& bench, const LiveGuests& guests) {
  std::vector<double> command, held, pages;
  for (unsigned i = 0; i < cold_starts; ++i) {
    static_cast<void>(guests.run({"fork", "parent", "--name", "child"}));
    const auto start = Clock::now();
    const json forked = guests.ask({"fork", "child", "--name", "grandchild"});
    command.push_back(ms_since(start));
    held.push_back(forked.at("held_us").get<double>() / 1000);
    pages.push_back(forked.at("pages").get<double>() + forked.at("pages_held").get<double>());
    guests.kill({"child", "grandchild"});
  }
  add(bench, "a clone's first fork: command until it runs", "ms", percentile(command, 50));
  add(bench, "a clone's first fork: clone held", "ms", percentile(held, 50));
  add(bench, "a clone's first fork: pages copied", "", percentile(pages, 50));
}

// Clones that serve on their consoles.
class Servants {
 public:
  Servants(const LiveGuests& guests, unsigned count) : guests_(guests) {
    guests.start_serving("servant");
    const json forked =
        guests.ask({"fork", "servant", "--name", "servants", "--count", std::to_string(count)});
    names_ = names_of(forked.at("guests"));
    for (const std::string& one : names_) consoles_.push_back(std::make_unique<cli::ConsoleDialogue>(one));
  }
  void tell(const std::string& line) {
    for (const auto& console : consoles_) console->type(line);
    for (const auto& console : consoles_)
      LiveGuests::wait_until([&] { return !console->answer("answer").empty(); });
  }
  [[nodiscard]] std::uint64_t sum_of(const std::string& key) const {
    std::uint64_t sum = 0;
    for (const std::string& one : names_) sum += guests_.figure(one, key);
    return sum;
  }

 private:
  const LiveGuests& guests_;
  Words names_;
  std::vector<std::unique_ptr<cli::ConsoleDialogue>> consoles_;
};

// The share, in percent, of `wanted` bytes that `merged` tells of, once it grows no more or is all of them.
template <typename Merged>
double settled_share(const Options& options, std::uint64_t wanted, Merged merged) {
  constexpr std::chrono::seconds without_change{5};
  std::uint64_t best = 0;
  const auto end = Clock::now() + options.limit;
  for (auto since = Clock::now(); Clock::now() < end && Clock::now() - since < without_change;) {
    const std::uint64_t now = merged();
    if (now >= wanted) return 100;
    if (now > best) best = now, since = Clock::now();
    pause_for(std::chrono::milliseconds(50));
  }
  return 100 * static_cast<double>(best) / static_cast<double>(wanted);
}

void measure_merging(Bench& bench, const LiveGuests& guests) {
  const unsigned count = bench.options.guests;
  Servants servants(guests, count);
  const std::uint64_t pages = guests.serving_pages() / 2;
  const std::uint64_t all = PageCount{pages * count}.bytes();
  const std::uint64_t backed_before = servants.sum_of("backed_bytes");
  servants.tell(fmt::format("change {}", pages));
  const std::uint64_t backed = servants.sum_of("backed_bytes");
  if (backed + all > backed_before)
    throw UserError("fork: the clones have not written what they were told to");
  // Of each page that all of them have, only the first one's copy is memory.
  servants.tell(fmt::format("same {}", pages));
  add(bench, "became equal in all clones: merged again", "%", settled_share(bench.options, all, [&] {
        const std::uint64_t own = servants.sum_of("shared_bytes") - servants.sum_of("backed_bytes");
        return own;
      }));
  const std::uint64_t kept = servants.sum_of("backed_bytes");
  servants.tell("restore");
  add(bench, "became what it was: merged again", "%", settled_share(bench.options, all, [&] {
        const std::uint64_t now = servants.sum_of("backed_bytes");
        return now > kept ? now - kept : 0;
      }));
}

}  // namespace

void measure_fork(Bench& bench) {
  for (std::uint32_t run = 0; run < bench.options.runs; ++run) {
    const LiveGuests guests(bench, name);
    const double cold = measure_cold_starts(bench, guests);
    guests.start_filled("parent");
    measure_forks(bench, guests, cold);
    measure_first_forks(bench, guests);
    add_many(bench, guests, name, "clone", {"fork", "parent", "--name", "many"});
    measure_merging(bench, guests);
  }
}

}  // namespace samepage::bench
