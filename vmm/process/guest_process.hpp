// SPDX-License-Identifier: Apache-2.0
// The life of a process that runs one guest: takes the name, makes the machine and its agent, tells whoever
// waits that the guest runs, and serves signals and the control socket until the guest has ended. One
// thread polls; vCPUs and the agent have their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/confine.hpp"
#include "base/unique_fd.hpp"
#include "vmm/control/escape_key.hpp"
#include "vmm/devices/console_port.hpp"
#include "vmm/machine/machine_config.hpp"

namespace samepage::vmm {

/// What a guest shares, and with whom.
struct DomainChoice {
  enum class Kind : std::uint8_t { none, zero_only, label };
  Kind kind = Kind::label;
  std::string label = "default";

  /// As the user writes it: "none", "zero-only" or the label.
  [[nodiscard]] std::string text() const;
};

/// Whether how the guest ended can be asked afterwards (control/guest_record).
enum class Afterwards : std::uint8_t { forgotten, recorded };

/// What becomes of a guest when nobody reads its console any more (EPIPE).
enum class LostReader : std::uint8_t { guest_runs_on, ends_guest };
/// What becomes of the content of a regular file that is the console, when the guest starts.
enum class ConsoleContent : std::uint8_t { kept, emptied };

/// Whether the guest begins to run at once, or when somebody resumes it.
enum class Starts : std::uint8_t { running, paused };

/// What a guest's process is told. A value that can go to another process.
struct GuestProcessConfig {
  std::string name;  // empty: the image's base name and the lowest free number from first_number on
  std::string numbered_as = {};  // that in place of the image's base name
  unsigned first_number = 1;
  std::string image;  // as the user wrote it; machine.image is its path
  MachineConfig machine;
  DomainChoice domain;
  bool joins_later = false;  // the daemon is known to hang
  Afterwards afterwards = Afterwards::forgotten;
  ConsoleContent console_content = ConsoleContent::kept;
  Starts starts = Starts::running;
  Confine confine = default_confine;
  std::string note = {};  // kept for whoever started it, and told with the configuration
};

/// What its console is connected to. The descriptors stay the caller's.
struct GuestStreams {
  int console = -1;  // where the console goes, -1 for nowhere
  int input = -1;    // where its input comes from, the same
  EscapeKey escape;  // ends the guest when `input` is a terminal
  ConsolePort input_port = ConsolePort::com1;
  LostReader lost_reader = LostReader::guest_runs_on;
};

/// What a guest goes on from: a snapshot's file, or what a guest that is forked sends. None: it begins.
struct SnapshotFiles {
  UniqueFd description;
  std::vector<UniqueFd> memory;   // the other files that it names, in that order
  std::vector<UniqueFd> written;  // what the guest has written to devices; none: it is in the same file
};

/// A guest that runs, as whoever started it hears of it.
struct RunningGuest {
  std::string name;
  std::string warning;  // that it does not share anything yet, and why; for people
};

/// Called once when the guest runs.
using RunningHook = std::function<void(const RunningGuest&)>;

/// A connection to the daemon that guests of this user join, which is started when there is none; while it is
/// open, a private one does not end. None where it hangs: that keeps no guest from starting, it is joined
/// when it goes on. Throws UserError.
[[nodiscard]] UniqueFd find_daemon();

/// Runs the guest to its end and returns the process's exit status (vmm/control/exit_code.hpp). Must be
/// called while the process has one thread. Throws UserError and std::system_error for what keeps the guest
/// from running; then nothing is left behind.
/// `snapshot`: the guest goes on from there, and its image is not looked at; none: it begins.
int run_guest(const GuestProcessConfig& config, const GuestStreams& streams, const RunningHook& on_running,
              SnapshotFiles snapshot = {});

}  // namespace samepage::vmm
