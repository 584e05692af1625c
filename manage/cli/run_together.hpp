// SPDX-License-Identifier: Apache-2.0
// Guests in child processes: those that are left running, and those whose consoles this process shows.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/json.hpp"
#include "manage/cli/console_file.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/run_options.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Starts options.count guests, prints their names and leaves them running. When one does not start, the
/// others are stopped and its error is thrown. `about`, called when all run: an object that the JSON output
/// tells besides.
int run_detached(const RunOptions& options, const std::function<nlohmann::json()>& about = {});

struct ClonePlace {
  Attachment attachment = Attachment::detached;
  ChildOutput output;
};
/// Starts `count` guests that go on from `from` and returns when all run. Clones load nothing: each is there
/// after some milliseconds, of which it waits for a part. So several start at the same time, and each takes
/// the lowest number that is free, from its place among them on.
void start_clones(GuestChildren& children, const vmm::GuestProcessConfig& clone, unsigned count,
                  const ClonePlace& place, const vmm::SnapshotFiles& from);
/// The guests from the one at place `first` on, in the order of the numbers that their names end with.
std::vector<const GuestChild*> in_order_of_numbers(const std::vector<GuestChild>& children,
                                                   std::size_t first = 0);

/// Starts options.count guests and shows their consoles, each line with its guest's name, until all have
/// ended. Returns the first status that is not 0. A stop signal is passed on to all.
int run_attached(const RunOptions& options);

/// The file of --console for the guest with this number (from 1 on; 0 for a guest that is alone), none when
/// there is no such option. Waits for the reader of a FIFO; throws Interrupted when one of `signals` (null:
/// none are blocked) comes meanwhile.
ConsoleFile open_console(const RunOptions& options, unsigned number, const vmm::StopSignals* signals);

}  // namespace samepage::cli
