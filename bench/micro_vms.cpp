// SPDX-License-Identifier: Apache-2.0
#include "bench/micro_vms.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/pipe.hpp"
#include "base/poll_timeout.hpp"

namespace samepage::bench {
namespace {

constexpr const char* program = "/usr/bin/qemu-system-x86_64";
constexpr std::chrono::seconds patience{60};

void become(const std::vector<std::string>& words, int console) {
  ::dup2(console, STDOUT_FILENO);
  ::dup2(console, STDERR_FILENO);
  const UniqueFd nothing = checked_fd(::open("/dev/null", O_RDONLY), "open of /dev/null");
  ::dup2(nothing.get(), STDIN_FILENO);
  ::execv(program, argv_of(words).data());
}

std::string first_words(int console, std::chrono::steady_clock::time_point end) {
  pollfd file{console, POLLIN, 0};
  if (::poll(&file, 1, poll_timeout(end)) <= 0) return {};
  std::array<char, 256> part{};
  const ssize_t got = ::read(console, part.data(), part.size());
  return {part.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

}  // namespace

std::string MicroVms::obstacle() {
  return ::access(program, X_OK) == 0 ? "" : fmt::format("there is no {}", program);
}

MicroVms::MicroVms(const std::string& image, const std::string& arguments, unsigned count,
                   unsigned mebibytes) {
  const unsigned at_a_time = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Pipe> consoles;
  unsigned running = 0;
  const auto wait_for_next = [&] {
    const std::string said =
        first_words(consoles[running].reading.get(), std::chrono::steady_clock::now() + patience);
    if (said.empty() || said.starts_with("qemu"))
      throw UserError(
          fmt::format("QEMU's microvm does not run here: {}", said.empty() ? "it is silent" : said));
    ++running;
  };
  for (unsigned number = 0; number < count; ++number) {
    if (number - running >= at_a_time) wait_for_next();
    const Pipe& console = consoles.emplace_back(make_pipe());
    children_.push_back(Child::run([&, writing = console.writing.get()] {
      become({program, "-M", "microvm", "-accel", "kvm", "-cpu", "host", "-m", fmt::format("{}M", mebibytes),
              "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-kernel", image,
              "-append", arguments},
             writing);
    }));
    consoles.back().writing.reset();
  }
  while (running < count) wait_for_next();
}

std::vector<pid_t> MicroVms::pids() const {
  std::vector<pid_t> pids;
  for (const Child& child : children_) pids.push_back(child.pid());
  return pids;
}

}  // namespace samepage::bench
