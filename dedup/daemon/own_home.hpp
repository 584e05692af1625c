// SPDX-License-Identifier: Apache-2.0
// A private daemon is started by the user who runs the first guest, and would stay in that guest's control
// group: all frames of all guests would be charged there, and the kernel would end the daemon when that
// group's memory is used up. It gets a group of its own where that is possible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace samepage::dedup {

/// Where a memory control group for the daemon may be made, the best place first: as far up in the hierarchy
/// of `cgroups`, the text of /proc/self/cgroup, as there are groups above ours. Version 2 and 1. Pure.
std::vector<std::string> homes_above(std::string_view cgroups);

/// Moves this process to a control group of its own, as far up as it may, and makes it the last that the
/// kernel ends for want of memory: its end would free nothing, for guests map the frames. What is not allowed
/// is left as it was. The group goes with this.
class OwnHome {
 public:
  OwnHome();
  ~OwnHome();
  OwnHome(const OwnHome&) = delete;
  OwnHome& operator=(const OwnHome&) = delete;

 private:
  std::string path_;  // empty: none
};

}  // namespace samepage::dedup
