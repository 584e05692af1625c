// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_figures.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>

#include "base/unique_fd.hpp"

namespace samepage::vmm {
namespace {

// The clock of a thread's processor time, as clock_gettime(2) numbers them.
clockid_t clock_of(int tid) {
  constexpr unsigned per_thread_sched = 6;
  return static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3U) | per_thread_sched);
}

}  // namespace

void read_thread_stat(std::string_view line, VcpuFigures& figures) {
  // The second field, a name in parentheses, may be anything.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= line.size()) return;
  line.remove_prefix(name_end + 2);
  figures.runs = line.front() == 'R';
  constexpr int state_field = 3;
  constexpr int cpu_field = 39;
  for (int field = state_field; field < cpu_field; ++field) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    line.remove_prefix(space + 1);
  }
  std::from_chars(line.data(), line.data() + line.size(), figures.host_cpu);
}

VcpuFigures figures_of_thread(int tid) {
  VcpuFigures figures;
  if (tid <= 0) return figures;
  timespec time{};
  if (::clock_gettime(clock_of(tid), &time) == 0) {
    figures.cpu_us = static_cast<std::uint64_t>(time.tv_sec) * 1'000'000U +
                     static_cast<std::uint64_t>(time.tv_nsec) / 1'000U;
  }
  const UniqueFd file(::open(fmt::format("/proc/self/task/{}/stat", tid).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size > 0) read_thread_stat({text.data(), static_cast<std::size_t>(size)}, figures);
  return figures;
}

}  // namespace samepage::vmm
