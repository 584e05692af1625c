// SPDX-License-Identifier: Apache-2.0
// The consoles of guests that run in child processes, shown on standard output line by line, each with its
// guest's name. A reader that is slow holds up what the guests print, as a pipe does, but never their end or
// a stop signal.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/unique_fd.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/line_prefix.hpp"
#include "manage/cli/shared_output.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

class Consoles {
 public:
  /// Both must outlive it.
  Consoles(GuestChildren& children, const vmm::StopSignals& signals);

  /// `console` is the reading end of the child's; none where that goes elsewhere.
  void add(const GuestChild& child, UniqueFd console);
  /// Shows everything until all guests have ended. Returns the first status that is not 0. A stop signal is
  /// passed on to all.
  int show_all();

 private:
  struct Guest {
    pid_t pid = 0;
    int process = -1;  // pidfd, -1 once the guest has been reaped
    UniqueFd console;  // none: it goes to a file, or is at its end
    LinePrefix lines;
  };

  [[nodiscard]] bool any_is_left() const;
  void turn();
  void show(Guest& guest);
  void reap(Guest& guest);
  void stop(int signal);
  void check_output();
  void give_last_chance();
  void note(int status);
  [[nodiscard]] int final_status();

  GuestChildren& children_;
  const vmm::StopSignals& signals_;
  SharedOutput output_;
  std::vector<Guest> guests_;
  int stopped_by_ = 0;  // 0: nobody has stopped them
  bool failure_told_ = false;
  int status_ = exit_ok;
};

}  // namespace samepage::cli
