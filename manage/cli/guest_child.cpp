// SPDX-License-Identifier: Apache-2.0
// Long because parent and child, who have to agree on each step between them, are told in one place.
#include "manage/cli/guest_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include "base/argv.hpp"
#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "base/json.hpp"
#include "base/memory_file.hpp"
#include "base/pipe.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"
#include "dedup/json_text.hpp"
#include "manage/cli/interrupted.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/process/guest_config_bytes.hpp"
#include "vmm/snapshot/snapshot_pages.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

constexpr int grace_ms = 5'000;
// Where a child finds what it gets from us, whatever number that has here.
constexpr int most_memory_files = static_cast<int>(vmm::most_other_files);
constexpr int most_written_files = 200;
constexpr ChildPipes in_child{3, 4, 5, 6, 0, 6 + most_memory_files, 0};
constexpr int first_free = in_child.written + most_written_files;

// What ends a child: where the caller has us ignore SIGTERM, it does so too.
int ending_signal() {
  return is_ignored(SIGTERM) ? SIGKILL : SIGTERM;
}

// What `ps` shows of a guest; the first two options are what it goes by.
std::vector<std::string> command_line(const vmm::GuestProcessConfig& guest, const vmm::SnapshotFiles& from) {
  std::vector<std::string> words{"samepage",    "run",
                                 "--config-fd", std::to_string(in_child.config),
                                 "--ready-fd",  std::to_string(in_child.ready)};
  if (from.description) words.insert(words.end(), {"--snapshot-fd", std::to_string(in_child.snapshot)});
  if (!from.memory.empty()) {
    words.insert(words.end(), {"--memory-fd", std::to_string(in_child.memory), "--memory-files",
                               std::to_string(from.memory.size())});
  }
  if (!from.written.empty()) {
    words.insert(words.end(), {"--written-fd", std::to_string(in_child.written), "--written-files",
                               std::to_string(from.written.size())});
  }
  if (!guest.name.empty()) words.insert(words.end(), {"--name", guest.name});
  words.push_back(guest.image);
  // All of it is in the configuration; a word of the command line has a limit.
  constexpr std::size_t shown = 4096;
  const std::string said = guest.machine.command_line.substr(0, shown);
  if (!said.empty()) words.insert(words.end(), {"--", said});
  return words;
}

// Above the numbers that become_guest() gives to others.
UniqueFd out_of_the_way(int fd) {
  return checked_fd(::fcntl(fd, F_DUPFD_CLOEXEC, first_free), "fcntl(F_DUPFD_CLOEXEC)");
}

// All that happens between fork and exec: system calls, nothing allocated. What goes to the child lies above
// the numbers that it gets there.
[[noreturn]] void become_guest(const std::vector<char*>& words, Attachment attachment,
                               const ChildOutput& output, int nothing, const ChildPipes& pipes,
                               std::span<const UniqueFd> memory, std::span<const UniqueFd> written,
                               pid_t parent, const sigset_t& mask) {
  if (attachment == Attachment::detached) {
    ::setsid();
  } else {
    ::prctl(PR_SET_PDEATHSIG, ending_signal());
    if (::getppid() != parent) ::_exit(exit_failure);
  }
  ::dup2(nothing, STDIN_FILENO);
  if (output.out != STDOUT_FILENO) ::dup2(output.out >= 0 ? output.out : nothing, STDOUT_FILENO);
  if (output.err != STDERR_FILENO) ::dup2(output.err >= 0 ? output.err : nothing, STDERR_FILENO);
  ::dup2(pipes.config, in_child.config);
  ::dup2(pipes.ready, in_child.ready);
  ::close(in_child.snapshot);
  for (int i = 0; i < most_memory_files; ++i) ::close(in_child.memory + i);
  if (pipes.snapshot >= 0) ::dup2(pipes.snapshot, in_child.snapshot);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    ::dup2(memory[i].get(), in_child.memory + static_cast<int>(i));
  }
  int next = in_child.written;
  for (const UniqueFd& file : written) ::dup2(file.get(), next++);
  ::closefrom(next);  // what our caller has open (a lock, a pipe) is none of the guest's
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

}  // namespace

std::string running_report(const vmm::RunningGuest& guest) {
  return dedup::json_text({{"ok", true}, {"name", guest.name}, {"warning", guest.warning}}) + "\n";
}

std::string failure_report(const std::string& error) {
  return dedup::json_text({{"ok", false}, {"error", error}}) + "\n";
}

GuestChildren::~GuestChildren() {
  end_all();
}

vmm::GuestProcessConfig config_from_parent(const UniqueFd& config) {
  std::string bytes;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t got = ::pread(config.get(), piece.data(), piece.size(), static_cast<off_t>(bytes.size()));
    if (check(got, "read of the guest's configuration") == 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(got));
  }
  try {
    return vmm::guest_config_of(bytes);
  } catch (const UserError&) {
    throw UserError(
        "the options --config-fd and --ready-fd are for samepage's own use; start guests without them");
  }
}

vmm::SnapshotFiles snapshot_from_parent(const ChildPipes& pipes) {
  vmm::SnapshotFiles from;
  from.description = UniqueFd(pipes.snapshot);
  for (int i = 0; i < pipes.memory_files; ++i) from.memory.emplace_back(pipes.memory + i);
  for (int i = 0; i < pipes.written_files; ++i) from.written.emplace_back(pipes.written + i);
  return from;
}

GuestChildren::Starting GuestChildren::begin(vmm::GuestProcessConfig guest, Attachment attachment,
                                             const ChildOutput& output, const vmm::SnapshotFiles& from) {
  guest.joins_later = daemon_hangs_;
  Pipe report_pipe = make_pipe();
  UniqueFd ready = out_of_the_way(report_pipe.writing.get());
  report_pipe.writing.reset();
  const UniqueFd config = out_of_the_way(memory_file_with("samepage-guest", vmm::bytes_of(guest)).get());
  const UniqueFd snapshot = from.description ? out_of_the_way(from.description.get()) : UniqueFd{};
  invariant(from.memory.size() <= vmm::most_other_files, "a snapshot's memory is in too many files");
  std::vector<UniqueFd> memory;
  for (const UniqueFd& file : from.memory) memory.push_back(out_of_the_way(file.get()));
  invariant(from.written.size() <= most_written_files, "a guest has written too many files");
  std::vector<UniqueFd> written;
  for (const UniqueFd& file : from.written) written.push_back(out_of_the_way(file.get()));
  const UniqueFd nothing = checked_fd(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
  const std::vector<std::string> words = command_line(guest, from);
  const std::vector<char*> pointers = argv_of(words);
  const pid_t parent = ::getpid();
  children_.reserve(children_.size() + 1);  // nothing may fail between fork and the child's being known
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    become_guest(pointers, attachment, output, nothing.get(), {config.get(), ready.get(), snapshot.get()},
                 memory, written, parent, signals_.former_mask());
  }
  children_.push_back({{}, pid, {}, false});
  children_.back().process = vmm::ProcessHandle::open(pid);
  return {children_.size() - 1, guest.name, std::move(report_pipe.reading)};
}

const GuestChild& GuestChildren::finish(Starting starting) {
  GuestChild& child = children_[starting.child];
  const json report = json::parse(read_report(starting.report.get(), signals_), nullptr, false);
  if (report.is_object() && report.value("ok", false)) {
    child.name = report.value("name", starting.name);
    warn_once(report.value("warning", ""));
    return child;
  }
  if (report.is_object())
    throw UserError(report.value("error", "the guest does not run and does not say why"));
  static_cast<void>(ends_within(child, grace_ms));
  throw UserError(fmt::format("the process of guest '{}' ended with status {} before the guest ran",
                              starting.name, reap(child.pid).value_or(exit_failure)));
}

void GuestChildren::warn_once(const std::string& warning) {
  if (warning.empty()) return;
  if (!daemon_hangs_) complain(fmt::format("samepage: {}", warning));
  daemon_hangs_ = true;
}

void GuestChildren::signal(int signal) const {
  for (const GuestChild& child : children_) {
    if (!child.reaped) ::kill(child.pid, signal);
  }
}

std::optional<int> GuestChildren::reap(pid_t pid) {
  int status = 0;
  const pid_t ended = ::waitpid(pid, &status, WNOHANG);
  if (ended == 0) return std::nullopt;
  const auto child = std::find_if(children_.begin(), children_.end(),
                                  [&](const GuestChild& one) { return one.pid == pid && !one.reaped; });
  if (child != children_.end()) child->reaped = true;
  return ended == pid ? exit_code_of(status) : exit_failure;  // somebody else has taken its status
}

bool GuestChildren::ends_within(const GuestChild& child, int milliseconds) {
  if (child.process) return child.process->ends_within(milliseconds);
  constexpr int turn_ms = 10;
  for (int waited = 0;; waited += turn_ms) {
    siginfo_t info{};
    const int found = ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT);
    if (found != 0 || info.si_pid != 0) return true;
    if (waited >= milliseconds) return false;
    ::poll(nullptr, 0, turn_ms);
  }
}

void GuestChildren::end_all() {
  signal(ending_signal());
  for (const GuestChild& child : children_) {
    if (child.reaped) continue;
    if (!ends_within(child, grace_ms)) ::kill(child.pid, SIGKILL);
    if (ends_within(child, grace_ms)) ::waitpid(child.pid, nullptr, WNOHANG);
  }
}

}  // namespace samepage::cli
