// SPDX-License-Identifier: Apache-2.0
#include "bench/churn.hpp"

#include <pthread.h>

#include <cerrno>
#include <ctime>

#include "base/check.hpp"
#include "base/types.hpp"

namespace samepage::bench {
namespace {

constexpr std::size_t pages_a_step = 16;  // a step is some microseconds long

// Writes the whole page, so that a step is worth some hundred nanoseconds of plain work a page.
void rewrite(std::byte* page, std::uint64_t value) {
  // SAFETY: pages are aligned, and bytes of guest memory are written as numbers by this process only.
  auto* const words = reinterpret_cast<volatile std::uint64_t*>(page);
  for (std::size_t i = 0; i < page_size / sizeof(value); ++i) words[i] = value + i;
}

}  // namespace

Churn::Churn(Gate& gate, std::span<std::byte> memory, std::size_t spacing)
    : gate_(gate), memory_(memory), spacing_(spacing), thread_([this] { run(); }) {}

Churn::~Churn() {
  stop_ = true;
  thread_.join();
}

std::chrono::nanoseconds Churn::cpu_time() {
  clockid_t clock{};
  timespec now{};
  errno = ::pthread_getcpuclockid(thread_.native_handle(), &clock);
  if (errno != 0) throw_errno("pthread_getcpuclockid");
  check(::clock_gettime(clock, &now), "clock_gettime of a thread");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void Churn::run() {
  const std::size_t pages = pages_in(memory_.size()).value;
  std::uint64_t lap = 1;
  std::size_t page = 0;
  while (!stop_) {
    gate_.step([&] {
      for (std::size_t i = 0; i < pages_a_step; ++i) {
        rewrite(memory_.data() + PageCount{page}.bytes(), (lap << 32) + page);
        page += spacing_;
        if (page < pages) continue;
        page = 0;
        ++lap;
      }
    });
    done_ += pages_a_step;
  }
}

}  // namespace samepage::bench
