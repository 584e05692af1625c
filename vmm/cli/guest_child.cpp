// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/guest_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "vmm/cli/device_options.hpp"
#include "vmm/cli/interrupted.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

constexpr int grace_ms = 5'000;

std::vector<std::string> command_line(const RunOptions& options, int ready_fd) {
  std::vector<std::string> words{"samepage",       "run",
                                 "--first-number", std::to_string(options.first_number),
                                 "--ready-fd",     std::to_string(ready_fd),
                                 "--mem",          std::to_string(options.memory_bytes),
                                 "--cpus",         std::to_string(options.cpus),
                                 "--domain",       options.domain.text()};
  if (options.joins_later) words.emplace_back("--join-later");
  if (!options.name.empty()) words.insert(words.end(), {"--name", options.name});
  if (options.attachment == Attachment::detached) words.emplace_back("--record-end");
  for (const vmm::RomConfig& rom : options.roms) {
    words.insert(words.end(), {"--rom", fmt::format("{}@{:#x}", rom.path, rom.address.value)});
  }
  append_device_options(words, options.devices);
  if (!options.initrd.empty()) words.insert(words.end(), {"--initrd", options.initrd});
  words.insert(words.end(), {"--entry", std::string(entry_text(options.entry))});
  words.push_back(options.image);
  words.emplace_back("--");
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  return words;
}

// All that happens between fork and exec: system calls, nothing allocated.
[[noreturn]] void become_guest(const std::vector<char*>& words, Attachment attachment,
                               const ChildOutput& output, int nothing, int ready_fd, pid_t parent,
                               const sigset_t& mask) {
  if (attachment == Attachment::detached) {
    ::setsid();
  } else {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(exit_failure);
  }
  ::dup2(nothing, STDIN_FILENO);
  if (output.out != STDOUT_FILENO) ::dup2(output.out >= 0 ? output.out : nothing, STDOUT_FILENO);
  if (output.err != STDERR_FILENO) ::dup2(output.err >= 0 ? output.err : nothing, STDERR_FILENO);
  ::fcntl(ready_fd, F_SETFD, 0);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execv("/proc/self/exe", words.data());
  ::_exit(exit_failure);
}

// What the child says until it closes its end or says a line. Throws Interrupted.
std::string read_report(int fd, const vmm::StopSignals& signals) {
  std::string report;
  while (report.find('\n') == std::string::npos) {
    std::array<pollfd, 2> waits{pollfd{fd, POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (const int signal = signals.take(); signal != 0) throw Interrupted{signal};
    if (waits[0].revents == 0) continue;
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (check(got, "read") == 0) break;
    report.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return report;
}

int shell_status(int status) {
  return WIFSIGNALED(status) ? exit_by_signal(WTERMSIG(status)) : WEXITSTATUS(status);
}

}  // namespace

std::string running_report(const vmm::RunningGuest& guest) {
  return vmm::text_of({{"ok", true}, {"name", guest.name}, {"warning", guest.warning}}) + "\n";
}

std::string failure_report(const std::string& error) {
  return vmm::text_of({{"ok", false}, {"error", error}}) + "\n";
}

GuestChildren::~GuestChildren() {
  end_all();
}

const GuestChild& GuestChildren::start(const RunOptions& options, const ChildOutput& output) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const UniqueFd nothing = checked_fd(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
  RunOptions of_child = options;
  of_child.joins_later = daemon_hangs_;
  std::vector<std::string> words = command_line(of_child, writing.get());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    become_guest(pointers, options.attachment, output, nothing.get(), writing.get(), parent,
                 signals_.former_mask());
  }
  children_.push_back({options.name, pid, vmm::ProcessHandle::open(pid)});
  writing.reset();
  const json report = json::parse(read_report(reading.get(), signals_), nullptr, false);
  if (report.is_object() && report.value("ok", false)) {
    children_.back().name = report.value("name", options.name);
    warn_once(report.value("warning", ""));
    return children_.back();
  }
  if (report.is_object())
    throw UserError(report.value("error", "the guest does not run and does not say why"));
  static_cast<void>(children_.back().process->ends_within(grace_ms));
  throw UserError(fmt::format("the process of guest '{}' ended with status {} before the guest ran",
                              options.name, reap(pid).value_or(exit_failure)));
}

void GuestChildren::warn_once(const std::string& warning) {
  if (warning.empty()) return;
  if (!daemon_hangs_) fmt::print(stderr, "samepage: {}\n", warning);
  daemon_hangs_ = true;
}

void GuestChildren::signal(int signal) const {
  for (const GuestChild& child : children_) {
    if (child.process) child.process->signal(signal);
  }
}

std::optional<int> GuestChildren::reap(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  const auto child =
      std::find_if(children_.begin(), children_.end(), [&](const GuestChild& one) { return one.pid == pid; });
  if (child != children_.end()) child->process.reset();
  return shell_status(status);
}

void GuestChildren::end_all() {
  signal(SIGTERM);
  for (const GuestChild& child : children_) {
    if (!child.process) continue;
    if (!child.process->ends_within(grace_ms)) child.process->signal(SIGKILL);
    if (child.process->ends_within(grace_ms)) ::waitpid(child.pid, nullptr, WNOHANG);
  }
}

}  // namespace samepage::cli
