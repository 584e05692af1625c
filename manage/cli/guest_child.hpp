// SPDX-License-Identifier: Apache-2.0
// Guests in processes of their own: this program is run again as `samepage run`, with its name and image for
// people to see. What it is to run it reads from a file without a name (vmm/process/guest_config_bytes.hpp),
// and it tells through a pipe that its guest runs or why it does not. Only for processes with one thread and
// no guest memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/control/process_handle.hpp"
#include "vmm/control/stop_signals.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::cli {

/// Whether a guest's process ends with the one that started it.
enum class Attachment : std::uint8_t { foreground, detached };

/// What a child gets from us: descriptors, -1 in a process that we have not started. With `config` alone it
/// starts that guest as its other options say.
struct ChildPipes {
  int config = -1;    // its configuration
  int ready = -1;     // where to say that the guest runs, or why it does not
  int snapshot = -1;  // what it goes on from, if it does: vmm::SnapshotFiles
  int memory = -1;    // the first of so many descriptors
  int memory_files = 0;
  int written = -1;  // the same
  int written_files = 0;
};
/// Of a child: what it goes on from. The descriptors are the receiver's from now on.
vmm::SnapshotFiles snapshot_from_parent(const ChildPipes& pipes);
/// Of a child: what it is to run. Throws UserError when that is no configuration of this program.
vmm::GuestProcessConfig config_from_parent(const UniqueFd& config);

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

  /// Starts one guest and returns when it runs. Throws UserError with the guest's own words when it does not,
  /// Interrupted when a stop signal comes.
  /// `from`: what it goes on from, the caller's; none: it begins.
  const GuestChild& start(vmm::GuestProcessConfig guest, Attachment attachment, const ChildOutput& output,
                          const vmm::SnapshotFiles& from = {}) {
    return finish(begin(std::move(guest), attachment, output, from));
  }
  /// The same in two steps, so that several start at the same time. `starting` is what begin() returned.
  struct Starting {
    std::size_t child = 0;  // its place in all()
    std::string name;       // that it was told, if any
    UniqueFd report;
  };
  Starting begin(vmm::GuestProcessConfig guest, Attachment attachment, const ChildOutput& output,
                 const vmm::SnapshotFiles& from);
  const GuestChild& finish(Starting starting);

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

/// What a child writes to ChildPipes::ready.
std::string running_report(const vmm::RunningGuest& guest);
std::string failure_report(const std::string& error);

}  // namespace samepage::cli
