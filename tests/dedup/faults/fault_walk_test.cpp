// SPDX-License-Identifier: Apache-2.0
// Each fault point there is (dedup/fault_points.hpp), one at a time: a daemon, or an agent with its guest, is
// killed there, or a call fails. No guest loses a write, the next daemon has them all with exact figures, and
// nothing of what was killed is left on the disk.
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/daemon/paging/paging_file.hpp"
#include "dedup/fault_points.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/faults/daemon_process.hpp"
#include "tests/dedup/faults/fault_script.hpp"

namespace samepage::dedup {
namespace {

// The names of all points in a daemon, or in an agent.
std::vector<std::string> points_in(FaultIn where) {
  std::vector<std::string> points;
  for (const FaultMessage& message : fault_messages) {
    const bool sends = message.from == where;
    for (const FaultMoment moment : sends ? std::vector{FaultMoment::sends, FaultMoment::sent}
                                          : std::vector{FaultMoment::takes, FaultMoment::took}) {
      points.push_back(fault_name(where, moment, message.name));
    }
  }
  for (const FaultStep& step : fault_steps) {
    if (step.where == where) points.emplace_back(step.name);
  }
  return points;
}

std::vector<std::string> failing_in(FaultIn where) {
  std::vector<std::string> points;
  for (const FaultStep& step : fault_steps) {
    if (step.where == where && step.can == FaultCan::fail) points.emplace_back(step.name);
  }
  return points;
}

std::string test_name(const testing::TestParamInfo<std::string>& point) {
  std::string name = point.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class FaultWalk : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
    if (disk_.mounted()) free_at_first_ = free_blocks();
  }

  [[nodiscard]] const std::string& folder() const { return disk_.path(); }
  [[nodiscard]] DaemonProcess start_daemon(const std::string& faults = "") const {
    return {sockets_.path() + "/daemon", {FaultScript::first_file(folder())}, faults};
  }
  [[nodiscard]] fsblkcnt_t free_blocks() const {
    struct statvfs figures {};
    EXPECT_EQ(::statvfs(folder().c_str(), &figures), 0);
    return figures.f_bfree;
  }

  // When guests and daemons are gone there are files of the initial size that the next daemon can take, and
  // nothing more.
  void expect_nothing_left() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
      EXPECT_TRUE(entry.path().filename() == "first" || entry.path().filename() == "second") << entry.path();
      const PagingFile again(parse_paging_spec(entry.path().string() + ",initial=8M"));
      bytes += entry.file_size();
    }
    if (!disk_.mounted()) return;
    const auto taken = (free_at_first_ - free_blocks()) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    EXPECT_LE(taken, bytes + 64 * page_size) << "slots of processes that are gone are still there";
  }

  // The next daemon takes everybody in.
  void expect_recovery(FaultScript& script) {
    DaemonProcess next = start_daemon();
    script.go_on_with(next);
    script.check_memory("at the next daemon");
    script.expect_convergence();
  }

  // Guests on which nothing is armed go on while an agent is killed.
  static void play_until(FaultScript& script, Child& victim) {
    while (!victim.ended() && script.turns(1)) {
    }
  }

  const TemporaryDirectory sockets_;
  const SmallDisk disk_{96};
  fsblkcnt_t free_at_first_ = 0;
};

class DaemonIsKilled : public FaultWalk {};
class AgentIsKilled : public FaultWalk {};
class CallOfDaemonFails : public FaultWalk {};
class CallOfAgentFails : public FaultWalk {};

TEST_P(DaemonIsKilled, NoGuestLosesAnything) {
  {
    DaemonProcess daemon = start_daemon(GetParam() + ":1:kill");
    FaultScript script(daemon, {"a", "b"}, folder());
    EXPECT_FALSE(script.run()) << "no daemon has come by here";
    daemon.process().wait("a daemon that a fault kills");
    ASSERT_TRUE(daemon.process().was_killed());
    ASSERT_NO_FATAL_FAILURE(expect_recovery(script));
  }
  expect_nothing_left();
}

TEST_P(AgentIsKilled, NobodyElseLosesAnything) {
  {
    DaemonProcess daemon = start_daemon();
    FaultScript witness(daemon, {"w"}, folder());
    ASSERT_TRUE(witness.join() && witness.load_images() && witness.merge());
    Child victim = Child::start([&] {
      arm_fault_points(GetParam() + ":1:kill");
      if (!FaultScript(daemon, {"v"}, folder()).run()) throw UserError("the daemon is lost");
    });
    play_until(witness, victim);
    EXPECT_TRUE(victim.was_killed()) << "no agent has come by here";
    ASSERT_TRUE(witness.daemon_comes_to("v", FaultScript::Known::no));
    ASSERT_TRUE(witness.turns());
    witness.check_memory("after the other one was killed");
    witness.expect_exact_figures("after the other one was killed");
    witness.expect_convergence();
  }
  expect_nothing_left();
}

TEST_P(CallOfDaemonFails, NoGuestLosesAnything) {
  const char* const error = GetParam() == "frame-writing"    ? "ENOMEM"
                            : GetParam() == "segment-taking" ? "ENOSPC"
                                                             : "EIO";
  {
    DaemonProcess daemon = start_daemon(GetParam() + ":1:" + error);
    FaultScript script(daemon, {"a", "b"}, folder());
    EXPECT_TRUE(script.run()) << "the daemon does not survive it";
    script.expect_exact_figures("after a call has failed");
    daemon.process().kill();
    ASSERT_NO_FATAL_FAILURE(expect_recovery(script));
  }
  expect_nothing_left();
}

TEST_P(CallOfAgentFails, NoGuestLosesAnything) {
  {
    DaemonProcess daemon = start_daemon();
    arm_fault_points(GetParam() + ":1:ENOMEM");
    FaultScript script(daemon, {"a", "b"}, folder());
    EXPECT_TRUE(script.run());
    script.expect_exact_figures("after a call has failed");
    script.expect_convergence();
  }
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Each, DaemonIsKilled, testing::ValuesIn(points_in(FaultIn::daemon)), test_name);
INSTANTIATE_TEST_SUITE_P(Each, AgentIsKilled, testing::ValuesIn(points_in(FaultIn::agent)), test_name);
INSTANTIATE_TEST_SUITE_P(Each, CallOfDaemonFails, testing::ValuesIn(failing_in(FaultIn::daemon)), test_name);
INSTANTIATE_TEST_SUITE_P(Each, CallOfAgentFails, testing::ValuesIn(failing_in(FaultIn::agent)), test_name);

// Two at once, and not at the first time. SAMEPAGE_TEST_FAULT_PAIRS says how many; the seed is told.
TEST_F(FaultWalk, PairsAtRandom) {
  const char* const told = std::getenv("SAMEPAGE_TEST_FAULT_PAIRS");
  const int pairs = told == nullptr ? 3 : std::atoi(told);
  const auto daemons = points_in(FaultIn::daemon), agents = points_in(FaultIn::agent);
  const unsigned seed = told == nullptr ? 1 : std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int pair = 0; pair < pairs && !HasFailure(); ++pair) {
    const auto some = [&](const std::vector<std::string>& points) {
      return points[random() % points.size()] + ":" + std::to_string(1 + random() % 4) + ":kill";
    };
    const std::string of_daemon = some(daemons), of_agent = some(agents);
    SCOPED_TRACE(of_daemon + " and " + of_agent);
    {
      DaemonProcess daemon = start_daemon(of_daemon);
      FaultScript witness(daemon, {"w"}, folder());
      Child victim = Child::start([&] {
        arm_fault_points(of_agent);
        FaultScript(daemon, {"v"}, folder()).run();
      });
      static_cast<void>(witness.run());  // either may come by, or both, or none
      play_until(witness, victim);
      victim.kill();
      daemon.process().kill();
      ASSERT_NO_FATAL_FAILURE(expect_recovery(witness));
    }
    expect_nothing_left();
  }
}

}  // namespace
}  // namespace samepage::dedup
