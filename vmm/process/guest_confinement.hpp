// SPDX-License-Identifier: Apache-2.0
// A guest's process gives up what its guest's life does not need: privileges, and system calls by kind of
// thread (guest_calls.hpp). Files are opened by a process beside it from then on (opener.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/confinement.hpp"
#include "vmm/process/opener.hpp"

namespace samepage::vmm {

class GuestConfinement {
 public:
  GuestConfinement() = default;
  GuestConfinement(const GuestConfinement&) = delete;
  GuestConfinement& operator=(const GuestConfinement&) = delete;

  /// Starts the opener of the guest `name`, unless `confine` says no: only while there is one thread and no
  /// guest memory. `start_daemon` may be empty. The opener is there until this goes, which has to outlive
  /// whatever removes a file at its end.
  void start_opener(Confine confine, const std::string& name, std::function<void()> start_daemon);

  /// What starts a daemon; of any thread. Empty where none may be started. This must outlive it.
  [[nodiscard]] std::function<void()> daemon_starter();

  /// From now on. The main thread calls it when all that needs rights is done and there is no other thread
  /// yet. `end` is ConfinementPlan::end. Throws UserError, std::system_error.
  void begin(std::function<int(const ForbiddenCall&)> end);

 private:
  Confine confine_ = Confine::off;
  std::function<void()> start_daemon_;
  std::optional<Opener> opener_;
};

/// For people: "yes", "no", or "partly" where there is no opener that could answer.
std::string_view confinement_text();
/// Whether the process is in namespaces of its own.
bool is_jailed();

}  // namespace samepage::vmm
