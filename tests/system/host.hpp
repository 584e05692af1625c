// SPDX-License-Identifier: Apache-2.0
// A host for system tests: a runtime directory of its own, a daemon that is there until the test ends, and
// the built programs run in it as a person runs them. Waits are for conditions (wait_until()).
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::system_test {

using Words = std::vector<std::string>;

struct Finished {
  int code = 0;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

/// The built program of this name.
std::string program(const std::string& name);
/// The built guest image of this name.
std::string image(const std::string& name);

/// Skips itself where /dev/kvm can't be used.
class Host : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Runs a program to its end.
  Finished run(const Words& command) const;
  /// `samepage` with these arguments.
  Finished samepage(Words arguments) const;
  /// `samepage` with these arguments and --json; fails the test when it does not end well.
  nlohmann::json ask(Words arguments) const;
  /// Starts a detached guest; fails the test when it does not start. `options` come before the image.
  void start(const std::string& name, const Words& image_and_arguments, const Words& options = {}) const;
  pid_t start_daemon(const Words& options = {});
  void kill_daemon();

  nlohmann::json host_figures() const { return ask({"stat"}).at("host"); }
  std::uint64_t figure(const std::string& key) const { return host_figures().at(key).get<std::uint64_t>(); }
  nlohmann::json guest_figures(const std::string& name) const;
  /// What `ps --all` says of the guest once it has ended.
  nlohmann::json end_of(const std::string& name) const;
  std::string log_of(const std::string& name) const { return samepage({"logs", name}).out; }
  void wait_for_line(const std::string& guest, const std::string& line) const;
  /// Passes as fast as they go.
  void merge_fast() const;
  /// Until nothing more is shared, see guests::Settling.
  void settle() const;
  /// Files in the runtime directory, the daemon's and what is kept of guests that have ended left out.
  std::vector<std::string> leftovers() const;

  std::string directory_;
  pid_t daemon_ = -1;
};

}  // namespace samepage::system_test
