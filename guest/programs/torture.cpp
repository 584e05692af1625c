// SPDX-License-Identifier: Apache-2.0
// A guest that finds lost and foreign writes. All CPUs write all pages: word i of a page belongs to CPU i
// modulo their number, so that they write one page at the same time. Each CPU keeps, for each page, a count
// of its writes; the count modulo `variants` decides what its words hold, so pages become equal again and
// again, inside a guest and among guests. On each visit a CPU checks all its words of the page against the
// count.
//   pages=N                  1024 if absent
//   variants=N               distinct contents a CPU gives its words, 4 if absent; one of them is zeros
//   seed=N                   gives each page contents of its own, others for each seed: no two pages are
//   equal seconds=N, rounds=N      how long, whichever ends first; 10 s if both are absent pause_us=N sleep
//   between bursts of visits, so that pages rest for longer
// The first wrong word ends it with code 1.
#include <array>
#include <atomic>
#include <numeric>

#include "guest/lib/console.hpp"
#include "guest/lib/cpu.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/random.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

constexpr std::size_t burst = 64;           // visits
constexpr std::size_t constant_every = 8;   // one page in so many is written once and then only checked
constexpr std::uint64_t check_only_in = 8;  // one visit in so many does not write
constexpr std::uint64_t zeros_in = 16;      // one in so many writes zeros, whatever comes next in turn

// Read by all CPUs, written before they start.
struct Plan {
  std::span<Page> pages;
  std::uint32_t cpus;
  std::uint64_t variants;
  std::uint64_t seed;  // 0: pages have contents in common
  std::uint64_t rounds;
  bool timed;
  Ticks end;  // if timed
  Ticks pause;
};
Plan plan;

// A cache line each, because the CPUs write them all the time.
struct alignas(64) Progress {
  std::atomic<std::uint64_t> visits;
  std::atomic<bool> done;
};
std::array<Progress, max_cpus> progress;
std::array<std::span<std::uint32_t>, max_cpus> counts;  // by CPU, then by page

std::uint64_t word_of(std::size_t page, std::uint64_t count, std::size_t word) {
  const std::uint64_t variant = count % plan.variants;
  if (plan.seed != 0) return mix(mix(plan.seed << 32U | page) + variant * words_per_page + word);
  return variant == 0 ? 0 : mix(variant * words_per_page + word);
}

// One CPU's view of the pages.
class Worker {
 public:
  explicit Worker(std::uint32_t cpu) : cpu_(cpu), counts_(counts[cpu]), random_(mix(cpu)) {}

  void fill() {
    for (std::size_t page = 0; page < plan.pages.size(); ++page) {
      counts_[page] = static_cast<std::uint32_t>(page % plan.variants);
      write(page);
    }
  }

  // Visits every page once, in an order of its own or, every other round, in one that all CPUs share, so that
  // they meet. Returns false when the time is over.
  bool do_round(std::uint64_t round) {
    Random order{round % 2 == 0 ? round : mix(round) + cpu_};
    const std::size_t count = plan.pages.size();
    const std::size_t start = order.below(count);
    std::size_t stride = 1 + order.below(count);
    while (std::gcd(stride, count) != 1) ++stride;
    for (std::size_t i = 0; i < count; ++i) {
      visit((start + i * stride) % count);
      if (++visits_ % burst == 0 && !end_burst()) return false;
    }
    return true;
  }

  void finish() {
    progress[cpu_].visits.store(visits_, std::memory_order_relaxed);
    progress[cpu_].done.store(true, std::memory_order_release);
  }

 private:
  void visit(std::size_t page) {
    check(page);
    const std::uint64_t dice = random_.next();
    if (page % constant_every == constant_every - 1 || dice % check_only_in == 0) return;
    std::uint64_t count = counts_[page] + 1ULL;
    if (dice / check_only_in % zeros_in == 0) count += plan.variants - 1 - (count - 1) % plan.variants;
    counts_[page] = static_cast<std::uint32_t>(count % (plan.variants << 16));
    write(page);
  }

  void check(std::size_t page) const {
    for (std::size_t word = cpu_; word < words_per_page; word += plan.cpus) {
      const std::uint64_t expected = word_of(page, counts_[page], word);
      const std::uint64_t found = plan.pages[page][word];
      if (found != expected) [[unlikely]] {
        print("torture: FAILED page ", page, " word ", word, " expected ", Hex{expected}, " found ",
              Hex{found}, " cpu ", cpu_, "\n");
        exit(code_failed);
      }
    }
  }

  void write(std::size_t page) const {
    for (std::size_t word = cpu_; word < words_per_page; word += plan.cpus) {
      plan.pages[page][word] = word_of(page, counts_[page], word);
    }
  }

  bool end_burst();

  std::uint32_t cpu_;
  std::span<std::uint32_t> counts_;
  Random random_;
  std::uint64_t visits_ = 0;
};

std::uint64_t all_visits() {
  std::uint64_t sum = 0;
  for (const Progress& cpu : progress) sum += cpu.visits.load(std::memory_order_relaxed);
  return sum;
}

// The first CPU's, once a second.
void report() {
  static Ticks next = now() + milliseconds(1000);
  if (now() < next) return;
  print("torture: ", all_visits(), " visits\n");
  next = next + milliseconds(1000);
}

bool Worker::end_burst() {
  progress[cpu_].visits.store(visits_, std::memory_order_relaxed);
  if (cpu_ == 0) report();
  if (plan.timed && now() >= plan.end) return false;
  if (plan.pause.count != 0) sleep_for(plan.pause);
  return true;
}

void work() {
  Worker worker{cpu_index()};
  worker.fill();
  for (std::uint64_t round = 0; round < plan.rounds && worker.do_round(round); ++round) {
  }
  worker.finish();
}

}  // namespace

const std::string_view known_keys = "pages variants seed seconds rounds pause_us";

std::uint8_t run(const Arguments& arguments) {
  const std::optional<std::uint64_t> seconds = arguments.number("seconds");
  const std::optional<std::uint64_t> rounds = arguments.number("rounds");
  const std::size_t page_count = arguments.number("pages", 1024);
  plan.variants = arguments.number("variants", 4);
  plan.seed = arguments.number("seed", 0);
  plan.rounds = rounds.value_or(~0ULL);
  plan.timed = seconds || !rounds;
  plan.cpus = cpu_count();
  if (page_count == 0) refuse("pages must be at least 1");
  if (plan.variants < 2 || plan.variants > 65'536) refuse("variants must be from 2 to 65536");
  plan.pages = take_pages(page_count);
  for (std::uint32_t cpu = 0; cpu < plan.cpus; ++cpu) counts[cpu] = take_array<std::uint32_t>(page_count);
  plan.pause = microseconds(arguments.number("pause_us", 0));
  plan.end = now() + milliseconds(seconds.value_or(10) * 1000);

  if (const std::uint32_t started = start_cpus(work); started != plan.cpus) {
    print("torture: only ", started, " of ", plan.cpus, " CPUs came up\n");
    return code_failed;
  }
  work();
  for (std::uint32_t cpu = 0; cpu < plan.cpus; ++cpu) {
    while (!progress[cpu].done.load(std::memory_order_acquire)) asm volatile("pause");
  }
  print("torture: ok, ", all_visits(), " visits\n");
  return 0;
}

}  // namespace samepage::guest
