// SPDX-License-Identifier: Apache-2.0
// What guests and people do so that each message is said and each step done: guests join, load an image, are
// merged, write, go out to a paging file and come back; files are added and removed; a guest comes back to
// its daemon, another one ends, one is kept out by the policy. It goes on for as long as the daemon lives,
// and each read of a guest's memory must give what it wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "tests/dedup/faults/daemon_process.hpp"
#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {

class FaultScript {
 public:
  static constexpr std::size_t pages = 160;

  /// With guests of these names; `folder` is where paging files are.
  FaultScript(DaemonProcess& daemon, const std::vector<std::string>& names, std::string folder);

  /// All of it. False when the daemon was lost in between.
  bool run();
  /// The guests, wherever they are, join that daemon.
  void go_on_with(DaemonProcess& daemon);
  /// All guests write the same, and share all of it; then all of it goes out. The daemon's figures are exact.
  void expect_convergence();
  /// The daemon counts what the guests map, no more and no less. There are no others.
  [[nodiscard]] nlohmann::json figures_when_all_is_answered();
  void expect_exact_figures(const std::string& when);
  void check_memory(const std::string& when) const;
  /// Parts of it.
  bool join();
  bool load_images();
  bool merge();
  /// Waits until the daemon knows a guest of this name, or does not. False when it does not come to that.
  enum class Known : std::uint8_t { no, yes };
  bool daemon_comes_to(const std::string& guest, Known known);
  /// A few passes, and all that is said then.
  bool turns(int count = 6);

  [[nodiscard]] static std::string first_file(const std::string& folder) {
    return folder + "/first,initial=8M";
  }

 private:
  struct Step {
    const char* what;
    bool (FaultScript::*act)();
  };
  bool write();
  bool page_out();
  bool come_back();
  bool suspend();
  bool tune();
  bool change_files();
  bool rejoin_the_same();
  bool end_another_guest();
  bool try_another_domain();

  bool connect(FleetGuest& guest);
  bool each(const std::function<void(FleetGuest&)>& act);

  DaemonProcess* daemon_;
  std::string folder_;
  std::vector<std::unique_ptr<FleetGuest>> guests_;
};

}  // namespace samepage::dedup
