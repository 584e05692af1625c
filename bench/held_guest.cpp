// SPDX-License-Identifier: Apache-2.0
#include "bench/held_guest.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/json.hpp"
#include "base/process_memory.hpp"
#include "base/thread_use.hpp"
#include "bench/process_clock.hpp"
#include "dedup/json_text.hpp"

namespace samepage::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Pages all over the memory are written, each of them once: the stride and the number of pages have no common
// divisor.
std::uint64_t stride_in(std::uint64_t pages) {
  std::uint64_t stride = 7919;
  while (std::gcd(stride, pages) != 1) ++stride;
  return stride;
}

constexpr std::size_t holds_an_answer = 20'000;  // a message has a limit

void write_word(std::byte* page, std::uint64_t value) {
  // SAFETY: pages are aligned, and bytes of guest memory are written as numbers by this process only.
  *reinterpret_cast<volatile std::uint64_t*>(page) = value;
}

std::uint64_t read_word(const std::byte* page) {
  // SAFETY: as above.
  return *reinterpret_cast<const volatile std::uint64_t*>(page);
}

// What passes on the clock, and what this thread uses of a processor.
class Stopwatch {
 public:
  [[nodiscard]] json read() const {
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_);
    return {{"ns", passed.count()}, {"cpu_ns", (cpu_time_of_this_thread() - cpu_).count()}};
  }

 private:
  Clock::time_point start_ = Clock::now();
  std::chrono::nanoseconds cpu_ = cpu_time_of_this_thread();
};

}  // namespace

HeldGuest::HeldGuest(const Image& image) : image_(image), memory_(Mapping::anonymous(image.pages().bytes())) {
  // Both sides merge small pages only; ksmd splits huge ones as it goes.
  ::madvise(memory_.data(), memory_.size(), MADV_NOHUGEPAGE);
  image_.load(memory_.data());
}

std::byte* HeldGuest::page(std::uint64_t number) const {
  return memory_.data() + PageCount{number}.bytes();
}

json HeldGuest::answer(const json& request) {
  const std::string what = request.at("do");
  if (what == "merge") return merge(request);
  if (what == "let ksmd in") return let_ksmd_in();
  if (what == "write") return write(request);
  if (what == "toggle") return toggle(request);
  if (what == "time breaks") return time_breaks(request);
  if (what == "page out") return begin_page_out();
  if (what == "page-out progress") return page_out_progress();
  if (what == "make plain file") return make_plain_file(request);
  if (what == "time touches") return touches_.value().time(request);
  if (what == "swap out") return swap_out();
  if (what == "read all") return read_all();
  if (what == "counters") return counters();
  if (what == "holds") return holds();
  if (what == "churn") return churn_.emplace(gate_, memory_.bytes(), request.at("spacing")), json::object();
  if (what == "work") return work();
  return json::object();
}

// The processor time of the agent's own threads is read from outside. Creating the agent costs time of this
// thread.
json HeldGuest::merge(const json& request) {
  const auto before = cpu_time_of_this_thread();
  dedup::AgentConfig config;
  config.guest = request.at("guest");
  config.domain = "bench";
  config.socket_path = request.at("socket");
  agent_ = std::make_unique<dedup::Agent>(
      std::move(config), std::vector{dedup::MemoryRegion{Gfn{0}, image_.pages(), memory_.data()}}, gate_);
  if (!agent_->why_not_joined().empty()) throw UserError(agent_->why_not_joined());
  agent_->start();
  return {{"cpu_ns", (cpu_time_of_this_thread() - before).count()}};
}

json HeldGuest::let_ksmd_in() {
  const auto before = cpu_time_of_this_thread();
  check(::madvise(memory_.data(), memory_.size(), MADV_MERGEABLE), "madvise MERGEABLE");
  return {{"cpu_ns", (cpu_time_of_this_thread() - before).count()}};
}

// Acts on a share of the pages, on others in each round, between two holds each. How many these were.
json HeldGuest::on_share(double share, std::uint64_t round, const std::function<void(std::uint64_t)>& act) {
  const std::uint64_t pages = image_.pages().value;
  const auto count = static_cast<std::uint64_t>(std::ceil(static_cast<double>(pages) * share));
  const std::uint64_t stride = stride_in(pages);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = (round * count + i) * stride % pages;
    gate_.step([&] { act(number); });
  }
  return {{"pages", count}};
}

// Gives a share of the pages content that no other page has.
json HeldGuest::write(const json& request) {
  const std::uint64_t round = request.at("round"), salt = request.at("salt");
  return on_share(request.at("share"), round, [&](std::uint64_t number) {
    write_word(page(number), (salt << 48) + (round << 32) + number + 1);
  });
}

// The same in every second round; in the others those of the round before become what they were.
json HeldGuest::toggle(const json& request) {
  const std::uint64_t round = request.at("round"), salt = request.at("salt");
  return on_share(request.at("share"), round / 2, [&](std::uint64_t number) {
    write_word(page(number), read_word(page(number)) ^ ((salt << 48) + number + 1));
  });
}

// Writes single common pages, one after the other all over the memory, and tells how long each write took.
json HeldGuest::time_breaks(const json& request) {
  const std::string content = request.at("content");
  auto pages = image_.pages_with(content == "zero" ? Content::zero : Content::common);
  std::shuffle(pages.begin(), pages.end(), std::mt19937_64(1));
  pages.resize(std::min<std::size_t>(pages.size(), request.at("count")));
  const bool read_first = request.at("read_first");
  std::vector<std::int64_t> times;
  std::size_t written = 0;
  for (const std::uint32_t number : pages) {
    const std::uint64_t before = read_first ? read_word(page(number)) : 0;
    gate_.step([&] {
      const std::int64_t faults = page_faults_of_this_thread();
      const auto start = Clock::now();
      write_word(page(number), before + number + 1);
      const auto end = Clock::now();
      ++written;
      if (page_faults_of_this_thread() == faults) return;  // no fault: the page was not merged
      times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
    });
  }
  return {{"ns", times}, {"written", written}};
}

json HeldGuest::begin_page_out() {
  if (!agent_ || !agent_->begin_page_out(image_.pages().value, dedup::PageOutOrder::all))
    throw UserError("its pages have nowhere to go");
  return page_out_progress();
}

json HeldGuest::page_out_progress() const {
  const dedup::PageOutProgress progress = agent_->page_out_progress();
  return {{"under_way", progress.under_way}, {"pages", progress.pages}};
}

json HeldGuest::make_plain_file(const json& request) {
  touches_.emplace(gate_, memory_.bytes(), request.at("folder").get<std::string>());
  return json::object();
}

// All of its memory to the kernel's swap.
json HeldGuest::swap_out() {
  const Stopwatch watch;
  check(::madvise(memory_.data(), memory_.size(), MADV_PAGEOUT), "madvise PAGEOUT");
  return watch.read();
}

// A word of each page, in order.
json HeldGuest::read_all() {
  const Stopwatch watch;
  std::uint64_t sum = 0;
  for (std::uint64_t number = 0; number < image_.pages().value; ++number) {
    gate_.step([&] { sum += read_word(page(number)); });
  }
  json answer = watch.read();
  answer["sum"] = sum;
  return answer;
}

json HeldGuest::holds() {
  json wall = json::array(), cpu = json::array();
  for (const Gate::Hold& hold : gate_.take_holds(holds_an_answer)) {
    wall.push_back(hold.wall);
    cpu.push_back(hold.cpu);
  }
  return {{"wall_ns", wall}, {"cpu_ns", cpu}};
}

json HeldGuest::work() {
  if (!churn_) return {{"pages", 0}, {"cpu_ns", 0}};
  return {{"pages", churn_->work_done()}, {"cpu_ns", churn_->cpu_time().count()}};
}

json HeldGuest::counters() const {
  // SAFETY: the numbers are only compared with addresses that the kernel prints.
  const auto start = reinterpret_cast<std::uint64_t>(memory_.data());
  json answer{{"vmas", mappings_in(start, start + memory_.size()).size()}, {"passes", 0}};
  if (!agent_) return answer;
  const dedup::AgentCounters counters = agent_->counters();
  answer["passes"] = counters.passes;
  answer["merges"] = counters.merges;
  answer["breaks"] = counters.breaks;
  answer["failed_merges"] = counters.failed_merges;
  answer["holds"] = counters.holds;
  return answer;
}

void serve_bench(int socket, const Image& image) {
  HeldGuest guest(image);
  json reply = json::object();
  for (;;) {
    if (!send_message(socket, 0, dedup::json_text(reply))) return;
    const auto message = receive_message(socket);
    if (!message) return;
    reply = guest.answer(json::parse(message->text()));
  }
}

}  // namespace samepage::bench
