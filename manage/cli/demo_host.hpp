// SPDX-License-Identifier: Apache-2.0
// A host of its own for the demo: a private runtime directory with a daemon and guests, all gone when this
// goes, whatever happened. Runs in a process with one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/progress.hpp"
#include "vmm/control/process_handle.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// A new private directory that is this process's (and its children's) runtime directory; removed at the end.
class PrivateRuntimeDir {
 public:
  PrivateRuntimeDir();
  ~PrivateRuntimeDir();
  [[nodiscard]] const std::string& path() const { return path_; }
  PrivateRuntimeDir(const PrivateRuntimeDir&) = delete;
  PrivateRuntimeDir& operator=(const PrivateRuntimeDir&) = delete;

 private:
  std::string path_;
};

/// A daemon that this process has started and that ends with this value. It does not merge until told.
class PrivateDaemon {
 public:
  PrivateDaemon();
  ~PrivateDaemon();
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;

 private:
  UniqueFd connection_;  // the daemon does not end while nobody has joined yet
  std::optional<vmm::ProcessHandle> process_;
};

class DemoHost {
 public:
  DemoHost();

  /// Starts a guest and returns when it runs.
  void start(const vmm::GuestProcessConfig& guest);
  /// The same for clones of a guest. Returns their names, numbers in ascending order.
  std::vector<std::string> start_clones(const vmm::GuestProcessConfig& clone, unsigned count,
                                        const vmm::SnapshotFiles& from);
  /// Calls `holds` until it returns true, and meanwhile shows what it says it waits for. Throws Interrupted
  /// on a stop signal, UserError when a guest ends or `seconds` have passed.
  void wait_until(const std::string& what, int seconds, const std::function<bool()>& holds);

  /// What wait_until() does besides, each time it looks.
  void at_each_look(std::function<void()> look) { look_ = std::move(look); }

  [[nodiscard]] const std::vector<GuestChild>& guests() const { return guests_.all(); }
  Progress& progress() { return progress_; }
  [[nodiscard]] const vmm::StopSignals& signals() const { return signals_; }

 private:
  void check_guests();
  [[nodiscard]] std::string last_complaint() const;

  Progress progress_;
  vmm::StopSignals signals_;
  PrivateRuntimeDir directory_;
  UniqueFd complaints_;  // what the guests' processes say on stderr
  PrivateDaemon daemon_;
  GuestChildren guests_;
  std::function<void()> look_ = [] {};
};

}  // namespace samepage::cli
