// SPDX-License-Identifier: Apache-2.0
#include "base/thread_use.hpp"

#include <sys/resource.h>

#include <ctime>

#include "base/check.hpp"

namespace samepage {
namespace {

// What the flow has used on other threads, less what this thread has used for other flows.
thread_local ThreadUse elsewhere;

std::chrono::nanoseconds own_cpu_time() {
  timespec now{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::int64_t page_faults_of(int who) {
  rusage usage{};
  check(::getrusage(who, &usage), "getrusage");
  return usage.ru_minflt;
}

}  // namespace

std::chrono::nanoseconds thread_cpu_time() {
  return own_cpu_time() + elsewhere.cpu;
}

std::int64_t page_faults_of_this_thread() {
  return page_faults_of(RUSAGE_THREAD) + elsewhere.faults;
}

std::int64_t page_faults_of_other_threads() {
  const std::int64_t ours = page_faults_of_this_thread();
  return page_faults_of(RUSAGE_SELF) - ours;
}

ThreadUse thread_use() {
  return {thread_cpu_time(), page_faults_of_this_thread()};
}

void take_over(const ThreadUse& so_far) {
  elsewhere = {so_far.cpu - own_cpu_time(), so_far.faults - page_faults_of(RUSAGE_THREAD)};
}

}  // namespace samepage
