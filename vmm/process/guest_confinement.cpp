// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_confinement.hpp"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/kept_files.hpp"
#include "base/memory_room.hpp"
#include "base/runtime_dir.hpp"
#include "base/sealed_address.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/process/guest_calls.hpp"

namespace samepage::vmm {
namespace {

std::string_view told = "no";  // set before there are other threads

// A path as the kernel shows it for a descriptor.
std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(path, error);
  return error ? path : whole.string();
}

OpenerPolicy policy_of(const std::string& name) {
  OpenerPolicy policy;
  policy.name = name;
  policy.runtime = runtime_dir();
  policy.resolved_runtime = resolved(policy.runtime);
  policy.log = log_path();
  policy.temporary = {"/var/tmp", "/tmp"};
  if (const char* const chosen = std::getenv("TMPDIR"); chosen != nullptr)
    policy.temporary.emplace_back(chosen);
  return policy;
}

}  // namespace

void GuestConfinement::start_opener(Confine confine, const std::string& name,
                                    std::function<void()> start_daemon) {
  start_daemon_ = std::move(start_daemon);
  if (confine == Confine::on) opener_.emplace(policy_of(name), start_daemon_);
}

std::function<void()> GuestConfinement::daemon_starter() {
  if (!start_daemon_ || !opener_) return start_daemon_;
  return [this] { opener_->start_daemon(); };
}

void GuestConfinement::begin(std::function<int(const ForbiddenCall&)> end) {
  if (!opener_) return;
  const bool answers = opener_->can_answer();
  ::tzset();  // reads files, once
  // What the agent looks at when memory is short is open then.
  static_cast<void>(MemoryRoomReader().read());
  static_cast<void>(kept_text("/proc/self/maps"));
  static_cast<void>(kept_text("/proc/self/statm"));
  static_cast<void>(seal_address(daemon_socket_path()));
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

}  // namespace samepage::vmm
