// SPDX-License-Identifier: Apache-2.0
#include "bench/ksm_knobs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "bench/interruption.hpp"

namespace samepage::bench {
namespace {

// Those that the bench turns. The advisor comes before pages_to_scan, which it may own; run comes last.
constexpr std::array turned{"advisor_mode", "merge_across_nodes", "use_zero_pages",
                            "smart_scan",   "pages_to_scan",      "sleep_millisecs",
                            "run"};

std::string path_of(std::string_view name) {
  return fmt::format("/sys/kernel/mm/ksm/{}", name);
}

// One bench at a time: a second one would measure the first, and save knobs that the first has turned.
UniqueFd lock_ksm() {
  UniqueFd file = checked_fd(::open(path_of("run").c_str(), O_RDONLY | O_CLOEXEC), "open of KSM's run");
  bool told = false;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw_errno("flock of KSM's run");
    if (!std::exchange(told, true))
      fmt::print(stderr, "samepage-bench: waiting for another samepage-bench\n");
    pause_for(std::chrono::milliseconds(200));
  }
  return file;
}

// The keeper's life: waits for a word from the bench or for its end, then puts everything back.
void keep(int bench_pidfd, int word, const std::vector<std::pair<std::string, std::string>>& saved) {
  std::array<pollfd, 2> waiting{pollfd{bench_pidfd, POLLIN, 0}, pollfd{word, POLLIN, 0}};
  while (::poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
  }
  for (const auto& [name, value] : saved) {
    try {
      if (name == "run") set_ksm(name, "2");  // nothing that the bench had merged stays merged
      set_ksm(name, value);
    } catch (const std::exception& error) {
      fmt::print(stderr, "samepage-bench: KSM's {} could not be set back to {}: {}\n", name, value,
                 error.what());
    }
  }
}

}  // namespace

bool may_tune_ksm() {
  return ::access(path_of("run").c_str(), R_OK | W_OK) == 0;
}

std::string ksm_text(std::string_view name) {
  std::ifstream file(path_of(name));
  std::string text;
  std::getline(file, text);
  const auto open = text.find('[');
  if (open == std::string::npos) return text;
  return text.substr(open + 1, text.find(']') - open - 1);
}

std::uint64_t ksm_number(std::string_view name) {
  return std::strtoull(ksm_text(name).c_str(), nullptr, 10);
}

void set_ksm(std::string_view name, std::string_view value) {
  const UniqueFd file(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return;
  const std::string what = fmt::format("write of {} to KSM's {}", value, name);
  check(file.get(), what);
  ssize_t written = 0;
  do {
    written = ::write(file.get(), value.data(), value.size());
  } while (written < 0 && errno == EINTR);
  check(written, what);
}

std::vector<pid_t> processes_in_ksm() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "ksm_stat");
    for (std::string line; std::getline(file, line);) {
      if (line != "ksm_mergeable: yes" && line != "ksm_merge_any: yes") continue;
      found.push_back(static_cast<pid_t>(std::stol(entry.path().filename())));
      break;
    }
  }
  return found;
}

KsmKnobGuard::KsmKnobGuard() {
  const UniqueFd lock = lock_ksm();  // the keeper holds it until the knobs are back
  std::vector<std::pair<std::string, std::string>> saved;
  for (const char* name : turned) {
    if (::access(path_of(name).c_str(), F_OK) == 0) saved.emplace_back(name, ksm_text(name));
  }
  const UniqueFd bench =
      checked_fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)), "pidfd_open of ourselves");
  std::array<int, 2> word{};
  check(::pipe2(word.data(), O_CLOEXEC), "pipe2");
  keeper_ = check(::fork(), "fork");
  if (keeper_ == 0) {
    ::setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
    keep(bench.get(), word[0], saved);
    ::_exit(0);
  }
  ::close(word[0]);
  tell_ = word[1];
}

KsmKnobGuard::~KsmKnobGuard() {
  const char now = 1;
  [[maybe_unused]] const ssize_t written = ::write(tell_, &now, 1);
  ::close(tell_);
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace samepage::bench
