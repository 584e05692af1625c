// SPDX-License-Identifier: Apache-2.0
#include "bench/churn.hpp"

#include <pthread.h>
#include <time.h>

#include <cerrno>

#include "base/check.hpp"
#include "base/types.hpp"

namespace samepage::bench {
namespace {

constexpr std::size_t pages_a_step = 16;  // a step is some microseconds long
constexpr std::size_t reads_a_write = 4;

// A word of a page that is read or written for certain, although nobody uses it.
volatile std::uint64_t& word_of(std::byte* page) {
  // SAFETY: pages are aligned, and bytes of guest memory are read and written as numbers by this process
  // only.
  return *reinterpret_cast<volatile std::uint64_t*>(page);
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
  const std::size_t working_set = (pages + spacing_ - 1) / spacing_;
  std::uint64_t random = 88172645463325252U;
  std::uint64_t sum = 0;
  const auto next = [&](std::size_t below) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return random % below;
  };
  const auto page = [&](std::size_t number) { return memory_.data() + PageCount{number}.bytes(); };
  while (!stop_) {
    gate_.step([&] {
      for (std::size_t i = 0; i < pages_a_step; ++i) {
        for (std::size_t read = 0; read < reads_a_write; ++read) {
          sum += word_of(page(next(pages)));
        }
        word_of(page(next(working_set) * spacing_)) = random + sum;
      }
    });
    done_ += pages_a_step;
  }
}

}  // namespace samepage::bench
