// SPDX-License-Identifier: Apache-2.0
// A host with a folder for paging files, and what tests of paging ask of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/system/host.hpp"

namespace samepage::system_test {

class PagingHost : public Host {
 protected:
  void SetUp() override;

  static std::uint64_t bytes(std::uint64_t pages) { return pages << 12U; }
  /// A path in the folder.
  std::string file(const std::string& name) const { return directory_ + "/disks/" + name; }
  /// A daemon with these paging files in place of the one that there is.
  void start_daemon_with(const Words& specs);
  /// `samepage paging` with these words.
  nlohmann::json paging(const Words& words = {}) const;
  /// A guest with so many pages of its own, which it checks each second; they are all written.
  void start_fill(const std::string& name, unsigned pages) const;
  pid_t pid_of(const std::string& guest) const;
  pid_t daemon_pid() const;
  /// Memory of the guest's process that nobody else has, in bytes, by /proc/PID/smaps_rollup.
  std::uint64_t pss_anon(const std::string& guest) const;
  /// How often the guest has checked its pages.
  std::size_t verified(const std::string& guest) const;
  /// It does so twice more, and finds nothing wrong.
  void expect_verifies(const std::string& guest) const;
  /// Exit code 1 and one line on stderr with `cause` in it.
  static void expect_refused(const Finished& finished, const std::string& cause);
};

}  // namespace samepage::system_test
