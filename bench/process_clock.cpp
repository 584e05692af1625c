// SPDX-License-Identifier: Apache-2.0
#include "bench/process_clock.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.hpp"

namespace samepage::bench {

using std::chrono::nanoseconds;

nanoseconds cpu_time_of(pid_t pid) {
  clockid_t clock{};
  timespec now{};
  errno = ::clock_getcpuclockid(pid, &clock);
  if (errno != 0) throw_errno("clock_getcpuclockid");
  check(::clock_gettime(clock, &now), "clock_gettime of a process");
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

nanoseconds cpu_time_of_this_thread() {
  timespec now{};
  check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), "clock_gettime of a thread");
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

nanoseconds cpu_time_of_host() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  std::int64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0;
  if (!(stat >> cpu >> user >> nice >> system >> idle >> waiting >> irq >> softirq)) {
    throw UserError("/proc/stat can't be read; is /proc mounted?");
  }
  static const std::int64_t ticks_a_second = ::sysconf(_SC_CLK_TCK);
  return nanoseconds((user + nice + system + irq + softirq) * (1'000'000'000 / ticks_a_second));
}

nanoseconds cpu_time_of_other_threads(pid_t pid) {
  std::ifstream schedstat(fmt::format("/proc/{0}/task/{0}/schedstat", pid));
  std::int64_t first_thread = 0;
  if (!(schedstat >> first_thread))
    throw UserError("this kernel has no /proc/PID/schedstat; the bench needs one with CONFIG_SCHED_INFO");
  return cpu_time_of(pid) - nanoseconds(first_thread);
}

std::optional<pid_t> find_ksmd() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream comm(entry.path() / "comm");
    std::string name;
    if (std::getline(comm, name) && name == "ksmd" && !std::filesystem::exists(entry.path() / "exe")) {
      return static_cast<pid_t>(std::stol(entry.path().filename()));
    }
  }
  return std::nullopt;
}

}  // namespace samepage::bench
