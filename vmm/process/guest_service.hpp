// SPDX-License-Identifier: Apache-2.0
// What a guest's process does while its guest runs: one thread polls stop signals, the control socket, the
// console's input and the failure of its output. It also knows how the guest ended: by itself, by what ended
// it, or without a part of its output.
#pragma once

#include <csignal>

#include "vmm/control/guest_record.hpp"
#include "vmm/control/line_watch.hpp"
#include "vmm/control/registry.hpp"
#include "vmm/control/stop_signals.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/console_input.hpp"
#include "vmm/process/console_log.hpp"
#include "vmm/process/guest_control.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::vmm {

/// Gives pages back to the kernel that set-up or a large answer needed: small guests are the point.
void trim_heap();

/// What a service works with.
struct ServedGuest {
  Machine& machine;
  GuestControl& control;
  ConsoleLog& console;
  const StopSignals& signals;
  const NameClaim& claim;
  ConsoleInput& input;
  const LineWatch& lines;
};

/// All that it is given must outlive it.
class GuestService {
 public:
  GuestService(const GuestStreams& streams, ServedGuest guest) : streams_(streams), guest_(guest) {}

  /// Serves until the guest has ended; once.
  void until_end();
  /// How it ended and the exit status of its process, once what it printed is out or lost.
  [[nodiscard]] GuestRecord::End end_of(const GuestExit& exit) const;
  /// Tells the user what the exit status does not.
  void say(const GuestRecord::End& end) const;

 private:
  void stop(int signal);
  void serve_input(short happened);
  void output_failed();
  [[nodiscard]] int longest_wait() const;
  [[nodiscard]] bool reader_is_missed() const;
  [[nodiscard]] int status_after_loss(int status) const;
  [[nodiscard]] std::string gap() const;

  const GuestStreams& streams_;
  ServedGuest guest_;
  int stopped_by_ = SIGTERM;  // also for a stop by socket
  bool failure_seen_ = false;
};

}  // namespace samepage::vmm
