// SPDX-License-Identifier: Apache-2.0
// The thread around the Worker: when to make a pass, and when to wait.
#include "dedup/agent/agent.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <ctime>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/worker.hpp"

namespace samepage::dedup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds reconnect_interval{1000};

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

class Agent::Thread {
 public:
  Thread(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier)
      : regions_(regions),
        worker_(std::move(config), regions, barrier),
        stop_(checked_fd(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
    worker_.connect();
    thread_ = std::thread([this] { run(); });
  }

  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    const std::uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof(one)) != sizeof(one)) invariant(false, "write to an eventfd");
    thread_.join();
  }

  [[nodiscard]] const Worker& worker() const { return worker_; }
  [[nodiscard]] const std::vector<MemoryRegion>& regions() const { return regions_; }

 private:
  // Whatever goes wrong here must not end the guest.
  void run() {
    for (;;) {
      try {
        return work();
      } catch (const std::exception&) {
        worker_.lose_daemon();
      }
    }
  }

  void work() {
    for (;;) {
      if (!worker_.connected()) {
        if (wait(reconnect_interval)) return;
        try_connect();
        continue;
      }
      const bool merging = worker_.knobs().merging != 0;
      if (merging && Clock::now() >= next_pass_) pass();
      const auto left = std::chrono::ceil<milliseconds>(next_pass_ - Clock::now());
      if (wait(merging ? std::max(left, milliseconds(0)) : milliseconds(-1))) return;
      worker_.handle_messages();
    }
  }

  // Waits until the daemon says something or the time is over; true when the agent is to end.
  bool wait(milliseconds limit) {
    std::array<pollfd, 2> waiting{pollfd{stop_.get(), POLLIN, 0},
                                  pollfd{worker_.connected() ? worker_.socket_fd() : -1, POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));
    return (waiting[0].revents & POLLIN) != 0;
  }

  void try_connect() {
    try {
      worker_.connect();
      next_pass_ = Clock::now();
    } catch (const std::exception&) {
      // No daemon, or none for us: the guest runs on, and we ask again.
    }
  }

  // One pass, then the time of the next: rarer and rarer while nothing is found, never sooner than the share
  // of the processor that we may use allows.
  void pass() {
    const auto cpu_before = thread_cpu_time();
    const bool found = worker_.run_pass([this] { return wait(milliseconds(0)); });
    const auto cpu = thread_cpu_time() - cpu_before;
    const wire::Knobs& knobs = worker_.knobs();
    const milliseconds shortest(knobs.interval_ms);
    const milliseconds longest(std::max(knobs.interval_ms, knobs.max_interval_ms));
    interval_ = found ? shortest : std::min(longest, std::max(interval_ * 2, shortest));
    const std::chrono::nanoseconds rest = cpu * (100 - knobs.cpu_percent) / knobs.cpu_percent;
    next_pass_ = Clock::now() + std::max<std::chrono::nanoseconds>(interval_, rest);
  }

  std::vector<MemoryRegion> regions_;
  Worker worker_;
  UniqueFd stop_;
  Clock::time_point next_pass_ = Clock::now();
  milliseconds interval_{0};
  std::thread thread_;
};

Agent::Agent(AgentConfig config, const std::vector<MemoryRegion>& regions, WriteBarrier& barrier)
    : thread_(std::make_unique<Thread>(std::move(config), regions, barrier)) {}

Agent::~Agent() = default;

AgentCounters Agent::counters() const {
  return thread_->worker().counters();
}

std::vector<PageMapRun> Agent::page_map() const {
  const GuestPages& pages = thread_->worker().pages();
  return dedup::page_map(thread_->regions(), [&](Gfn gfn) {
    const auto page = pages.page_of(gfn);
    return page && pages.has(*page, GuestPages::zero);
  });
}

}  // namespace samepage::dedup
