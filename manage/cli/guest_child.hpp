// SPDX-License-Identifier: Apache-2.0
// Guests in processes of their own: this program is run again as `samepage run`, which tells through a pipe
// that its guest runs or why it does not. Only for processes with one thread and no guest memory.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "manage/cli/run_options.hpp"
#include "vmm/control/process_handle.hpp"
#include "vmm/control/stop_signals.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::cli {

/// Where a child's output goes; the descriptors stay the caller's.
struct ChildOutput {
  int out = -1;
  int err = -1;
};

/// A guest that runs in a child process.
struct GuestChild {
  std::string name;
  pid_t pid = 0;
  std::optional<vmm::ProcessHandle> process;  // always there, but for a child whose start has failed
  bool reaped = false;                        // before that its pid is nobody else's
};

/// The children that one command has started. Ends those that still run when it goes, unless they were let
/// go.
class GuestChildren {
 public:
  explicit GuestChildren(const vmm::StopSignals& signals) : signals_(signals) {}
  ~GuestChildren();
  GuestChildren(const GuestChildren&) = delete;
  GuestChildren& operator=(const GuestChildren&) = delete;

  /// Starts one guest with `options` (its count and format are ignored) and returns when it runs. Throws
  /// UserError with the guest's own words when it does not, Interrupted when a stop signal comes.
  const GuestChild& start(const RunOptions& options, const ChildOutput& output);

  /// In the order in which they were started.
  [[nodiscard]] const std::vector<GuestChild>& all() const { return children_; }
  /// Sends a signal to all that have not been reaped.
  void signal(int signal) const;
  /// The exit status, as a shell would see it, of a child that has ended; empty while it runs. Once.
  [[nodiscard]] std::optional<int> reap(pid_t pid);
  /// From now on the children live on their own.
  void let_go() { children_.clear(); }

 private:
  void end_all();
  void warn_once(const std::string& warning);
  static bool ends_within(const GuestChild& child, int milliseconds);

  const vmm::StopSignals& signals_;
  std::vector<GuestChild> children_;
  bool daemon_hangs_ = false;  // one of them has found that out: the next need not wait for it
};

/// What a child writes to its ready_fd.
std::string running_report(const vmm::RunningGuest& guest);
std::string failure_report(const std::string& error);

}  // namespace samepage::cli
