// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_confinement.hpp"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/jail.hpp"
#include "base/kept_files.hpp"
#include "base/memory_room.hpp"
#include "base/runtime_dir.hpp"
#include "base/sealed_address.hpp"
#include "dedup/daemon_start.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/process/guest_calls.hpp"

namespace samepage::vmm {
namespace {

std::string_view told = "no";  // set before there are other threads
bool jailed = false;           // the same

// A path as the kernel shows it for a descriptor.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(path, error);
  return error ? path : whole.string();
}

OpenerSetup setup_of(const std::string& name) {
  OpenerSetup setup;
  setup.name = name;
  setup.runtime = runtime_dir();
  setup.resolved_runtime = resolved(setup.runtime);
  setup.log = log_path();
  if (const char* const chosen = std::getenv("TMPDIR"); chosen != nullptr) setup.temporary = chosen;
  return setup;
}

// Nothing can be opened there by a path, so whoever does it for us must.
void go_to_jail(const std::string& daemon_socket, bool answers) {
  if (!answers) {
    throw UserError(
        "a guest's process can't be jailed here, as no process may look into another one; try "
        "sysctl kernel.yama.ptrace_scope=1, or leave --jail out");
  }
  keep_real_time_limit();
  enter_jail(std::filesystem::path(daemon_socket).parent_path());
  jailed = true;
}

}  // namespace

void GuestConfinement::start_opener(Confine confine, const std::string& name,
                                    std::function<void()> start_daemon) {
  confine_ = confine;
  start_daemon_ = std::move(start_daemon);
  if (confine == Confine::off) return;
  OpenerSetup setup = setup_of(name);
  if (start_daemon_) {
    setup.daemon_socket = daemon_socket_path();
    setup.daemon_command = dedup::daemon_command(setup.daemon_socket);
  }
  opener_.emplace(setup);
}

std::function<void()> GuestConfinement::daemon_starter() {
  if (!start_daemon_ || !opener_) return start_daemon_;
  return [this] { opener_->start_daemon(); };
}

void GuestConfinement::begin(std::function<int(const ForbiddenCall&)> end) {
  if (!opener_) return;
  const bool answers = opener_->can_answer();
  ::tzset();  // reads files, once
  // What the agent looks at as soon as it runs, and when memory is short: each would be asked for. In a jail
  // it has no mounts of the host, and what it knows of control groups goes by those that are open.
  static_cast<void>(MemoryRoomReader().read());
  static_cast<void>(kept_text("/proc/self/statm"));
  const std::string socket = daemon_socket_path();
  static_cast<void>(seal_address(socket));
  if (confine_ == Confine::jailed) go_to_jail(socket, answers);
  give_up_privileges();
  prepare_confinement(
      {guest_calls(), guest_threads, ThreadKind::control, answers ? Asking::by_rule : Asking::allowed,
       std::move(end), kinds({ThreadKind::agent}),
       "samepage: the guest failed: one of its threads made a system call that it may not make",
       exit_guest_failed});
  UniqueFd listener = confine_main_thread();
  if (listener) opener_->serve(std::move(listener));
  told = answers ? "yes" : "partly";
}

std::string_view confinement_text() {
  return told;
}

bool is_jailed() {
  return jailed;
}

}  // namespace samepage::vmm
