// SPDX-License-Identifier: Apache-2.0
// How late a guest answers that nobody merges, while others beside it are merged: requests at a fixed rate
// over its serial console, with nobody merging, and with Samepage or ksmd at work on eight other guests. Each
// of those writes a tenth of its pages a second, half of which become what they were, in all three.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"
#include "bench/interruption.hpp"
#include "bench/live_guests.hpp"
#include "bench/open_loop.hpp"
#include "bench/statistics.hpp"
#include "manage/cli/guest_client.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::string_view name = "latency";
constexpr const char* guest = "answers";
constexpr char request = '.';  // not in what the guest says by itself
constexpr std::chrono::nanoseconds period = milliseconds(4);
constexpr std::chrono::seconds window{1};
constexpr std::chrono::seconds patience{5};  // for the last answers
constexpr double written_share = 0.01;
constexpr milliseconds between_writes{100};

// The console of the guest `echo`, which repeats each byte.
class EchoConsole {
 public:
  explicit EchoConsole(const std::string& who) : guest_(cli::connect_guest(who)) {
    cli::ask_guest(guest_, {{"do", "console"}, {"port", "com1"}});
  }

  void send(std::size_t requests) {
    const std::string bytes(requests, request);
    if (::send(guest_.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
      throw UserError("latency: the guest takes no requests any more");
  }

  // Answers that have come, after waiting for one until then.
  std::size_t answers(Clock::time_point end) {
    const auto left = std::max(std::chrono::nanoseconds(0), end - Clock::now());
    const timespec wait{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    pollfd file{guest_.socket.get(), POLLIN, 0};
    if (::ppoll(&file, 1, &wait, nullptr) <= 0) return 0;
    std::array<char, 4096> bytes{};
    const ssize_t got = ::recv(guest_.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (got <= 0) throw UserError("latency: the guest has ended");
    messages_.add({bytes.data(), static_cast<std::size_t>(got)});
    std::size_t count = 0;
    while (const auto message = messages_.next()) {
      if (message->type != vmm::ControlMessage::data) continue;
      count +=
          static_cast<std::size_t>(std::count(message->payload.begin(), message->payload.end(), request));
    }
    return count;
  }

 private:
  cli::GuestConnection guest_;
  vmm::MessageAssembler messages_;
};

// Milliseconds of each request.
std::vector<double> ask_at_fixed_rate(EchoConsole& console) {
  constexpr auto requests = static_cast<std::size_t>(window / period);
  OpenLoop loop(Clock::now(), period, requests);
  const auto give_up = loop.due(requests) + patience;
  while (!loop.all_answered() && Clock::now() < give_up) {
    if (const std::size_t due = loop.take_due(Clock::now()); due > 0) console.send(due);
    const std::size_t count =
        console.answers(loop.all_sent() ? Clock::now() + milliseconds(100) : loop.next_due());
    loop.answered(count, Clock::now());
  }
  return loop.times_ms(Clock::now());
}

// Has the others write until it ends.
class Writing {
 public:
  explicit Writing(Holders& holders)
      : done_(std::async(std::launch::async, [this, &holders] { write(holders); })) {}
  ~Writing() { end_ = true; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  // Throws what went wrong.
  void finish() {
    end_ = true;
    done_.get();
  }

 private:
  void write(Holders& holders) {
    for (std::uint64_t round = 0; !end_; ++round) {
      std::uint64_t salt = 0;
      for (Holder& holder : holders)
        holder.ask({{"do", "toggle"}, {"share", written_share}, {"round", round}, {"salt", ++salt}});
      pause_for(between_writes);
    }
  }

  std::atomic<bool> end_{false};
  std::future<void> done_;
};

// What was seen in windows of one kind.
struct Windows {
  std::vector<double> times;
  std::chrono::nanoseconds merging{0};  // processor time of the engine
  std::chrono::nanoseconds length{0};
};

void add_window(Windows& windows, const Bench& bench, EchoConsole& console, std::unique_ptr<Engine> engine) {
  Holders holders = hold(bench.images);
  pause_for(milliseconds(300));
  while (console.answers(Clock::now()) > 0) continue;  // late ones
  const auto start = Clock::now();
  const auto before = engine ? engine->cpu_time() : std::chrono::nanoseconds(0);
  // Sharing begins with the first request, so that all of the work of merging is beside some of them.
  if (engine) engine->merge(holders);
  Writing writing(holders);
  const std::vector<double> times = ask_at_fixed_rate(console);
  writing.finish();
  windows.times.insert(windows.times.end(), times.begin(), times.end());
  windows.length += Clock::now() - start;
  if (engine) windows.merging += engine->cpu_time() - before;
}

std::unique_ptr<Engine> engine_at(const Bench& bench, Party party, Pace pace) {
  auto engine = bench.engine(party);
  engine->set_pace(pace);
  return engine;
}

// Windows of all kinds take turns: what else the host does is in all of them.
void measure_party(Bench& bench, EchoConsole& console, Party party) {
  Windows alone, standard, fastest;
  for (std::uint32_t round = 0; round < bench.options.rounds; ++round) {
    add_window(alone, bench, console, nullptr);
    add_window(standard, bench, console, engine_at(bench, party, Pace::standard));
    add_window(fastest, bench, console, engine_at(bench, party, Pace::fastest));
  }
  const auto add = [&](const std::string& metric, std::string_view unit, double value) {
    bench.report.add(name, metric, unit, party, value);
  };
  constexpr std::array percents{50.0, 99.0, 99.9};
  for (const double percent : percents) {
    add(fmt::format("p{}, alone", percent), "ms", percentile(alone.times, percent));
  }
  for (const auto& [windows, knobs] :
       {std::pair(&standard, "default knobs"), std::pair(&fastest, "fastest")}) {
    for (const double percent : percents) {
      const double now = percentile(windows->times, percent);
      add(fmt::format("p{}, {}", percent, knobs), "ms", now);
      add(fmt::format("p{} : alone, {}", percent, knobs), "", now / percentile(alone.times, percent));
    }
    add(fmt::format("CPU of merging, {}", knobs), "%",
        100 * seconds(windows->merging) / seconds(windows->length));
  }
}

}  // namespace

void measure_latency(Bench& bench) {
  const LiveGuests guests(bench, name);
  static_cast<void>(
      guests.run({"run", "--detach", "--name", guest, "--domain", "none", "--mem", "16M", "echo"}));
  guests.wait_for(guest, "echo>");
  EchoConsole console(guest);
  bench.in_turns(name, [&](Party party) { measure_party(bench, console, party); });
}

}  // namespace samepage::bench
