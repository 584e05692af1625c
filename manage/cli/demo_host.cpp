// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/run_together.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::cli {
namespace {

constexpr int between_looks_ms = 100;
constexpr int daemon_grace_ms = 3'000;
// The daemon's socket is in the directory, and a socket's path has at most 107 characters.
constexpr std::size_t longest_parent = 70;

std::string new_directory() {
  const std::string parent = runtime_dir();
  std::string path = (parent.size() > longest_parent ? "/tmp" : parent) + "/demo-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw_errno("mkdtemp " + path);
  return path;
}

}  // namespace

PrivateRuntimeDir::PrivateRuntimeDir() : path_(new_directory()) {
  ::setenv("SAMEPAGE_RUNTIME_DIR", path_.c_str(), 1);
  ::unsetenv("SAMEPAGE_SOCKET");
}

PrivateRuntimeDir::~PrivateRuntimeDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

PrivateDaemon::PrivateDaemon() {
  connection_ = dedup::ensure_daemon(daemon_socket_path(), {"--merging=off"});
  const std::optional<nlohmann::json> answer = dedup::ask_daemon(daemon_socket_path(), {{"do", "stat"}});
  if (!answer) throw UserError("the daemon ended as soon as it was started");
  process_ = vmm::ProcessHandle::open(static_cast<pid_t>(guests::number(*answer, "pid")));
}

PrivateDaemon::~PrivateDaemon() {
  if (!process_) return;
  process_->signal(SIGTERM);
  if (process_->ends_within(daemon_grace_ms)) return;
  process_->signal(SIGKILL);
  static_cast<void>(process_->ends_within(daemon_grace_ms));
}

DemoHost::DemoHost()
    : complaints_(checked_fd(
          ::open((directory_.path() + "/stderr").c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
          "open stderr of the demo's guests")),
      guests_(signals_) {}

void DemoHost::start(const vmm::GuestProcessConfig& guest) {
  progress_.show(fmt::format("starting guest {}", guest.name));
  guests_.start(guest, Attachment::foreground, {-1, complaints_.get()});
}

std::vector<std::string> DemoHost::start_clones(const vmm::GuestProcessConfig& clone, unsigned count,
                                                const vmm::SnapshotFiles& from) {
  const std::size_t before = guests_.all().size();
  cli::start_clones(guests_, clone, count, {Attachment::foreground, {-1, complaints_.get()}}, from);
  std::vector<std::string> names;
  for (const GuestChild* child : in_order_of_numbers(guests_.all(), before)) names.push_back(child->name);
  return names;
}

void DemoHost::check_guests() {
  for (const GuestChild& guest : guests_.all()) {
    if (!guest.process->ends_within(0)) continue;
    progress_.clear();
    throw UserError(fmt::format("guest {} ended during the demo with status {}: {}", guest.name,
                                guests_.reap(guest.pid).value_or(0), last_complaint()));
  }
}

std::string DemoHost::last_complaint() const {
  std::array<char, 4096> text{};
  const ssize_t length = ::pread(complaints_.get(), text.data(), text.size(), 0);
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "it did not say why";
}

void DemoHost::wait_until(const std::string& what, int seconds, const std::function<bool()>& holds) {
  const auto begin = std::chrono::steady_clock::now();
  while (!holds()) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    progress_.show(fmt::format("{:5.1f} s  {}", passed.count(), what));
    look_();
    pollfd wait{signals_.fd(), POLLIN, 0};
    ::poll(&wait, 1, between_looks_ms);
    if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
    check_guests();
    if (passed.count() < seconds) continue;
    throw UserError(fmt::format("the demo gave up after {} s: {}", seconds, what));
  }
}

}  // namespace samepage::cli
