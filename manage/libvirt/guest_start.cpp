// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/guest_start.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/json.hpp"
#include "base/memory_file.hpp"
#include "base/pipe.hpp"
#include "base/poll_timeout.hpp"
#include "base/spawn_plan.hpp"
#include "manage/libvirt/error.hpp"
#include "vmm/process/guest_config_bytes.hpp"

namespace samepage::libvirt {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{60};
constexpr int config_fd = 3;

pid_t spawn(const std::vector<std::string>& words, int config, int out, int err) {
  SpawnPlan plan;
  plan.open(0, "/dev/null", O_RDONLY);
  plan.duplicate(out, 1);
  plan.duplicate(err, 2);
  plan.duplicate(config, config_fd);
  plan.close_from(config_fd + 1);
  sigset_t none;
  ::sigemptyset(&none);
  plan.block(none);
  plan.lead_a_session();
  pid_t pid = 0;
  errno = plan.spawn(pid, "/proc/self/exe", argv_of(words).data());
  if (errno != 0) throw_errno("posix_spawn");
  return pid;
}

struct Output {
  std::string out, err;
};

// All that it says until it ends. False: it does not end.
bool read_all(std::array<UniqueFd, 2> pipes, Output& output) {
  const auto end = Clock::now() + patience;
  while (pipes[0] || pipes[1]) {
    const int left = poll_timeout(end);
    if (left == 0) return false;
    std::array<pollfd, 2> waits{pollfd{pipes[0].get(), POLLIN, 0}, pollfd{pipes[1].get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), left) < 0 && errno != EINTR) throw_errno("poll");
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits.at(i).revents == 0) continue;
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(pipes.at(i).get(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        pipes.at(i).reset();
      } else {
        (i == 0 ? output.out : output.err).append(bytes.data(), static_cast<std::size_t>(got));
      }
    }
  }
  return true;
}

// Its last line is why it failed; before that there may be warnings.
std::string reason_of(std::string words) {
  while (!words.empty() && words.back() == '\n') words.pop_back();
  words.erase(0, words.rfind('\n') + 1);
  constexpr std::string_view own = "samepage: ";
  if (words.starts_with(own)) words.erase(0, own.size());
  return words.empty() ? "it did not say why" : words;
}

}  // namespace

pid_t start_guest(const vmm::GuestProcessConfig& guest) {
  try {
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    const UniqueFd config = memory_file_with("samepage-guest", vmm::bytes_of(guest));
    const pid_t starter = spawn(
        {"samepage", "run", "--detach", "--json", "--config-fd", std::to_string(config_fd), guest.image},
        config.get(), out.writing.get(), err.writing.get());
    out.writing.reset();
    err.writing.reset();
    Output output;
    const bool ended = read_all({std::move(out.reading), std::move(err.reading)}, output);
    if (!ended) ::kill(starter, SIGTERM);  // which ends what it has started
    int status = 0;
    while (::waitpid(starter, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) throw timed_out(fmt::format("guest '{}' does not come up", guest.name));
    const nlohmann::json started = nlohmann::json::parse(output.out, nullptr, false);
    if (started.is_array() && started.size() == 1) return started[0].value("pid", pid_t{0});
    throw operation_failed(reason_of(std::move(output.err)));
  } catch (const std::system_error& error) {
    throw internal(fmt::format("cannot start guest '{}': {}", guest.name, error.what()));
  }
}

}  // namespace samepage::libvirt
