// SPDX-License-Identifier: Apache-2.0
// The knobs come back by whatever way a bench ends. KSM is a folder of plain files here.
#include "bench/ksm_knobs.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::bench {
namespace {

class KsmKnobs : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    write("run", "1");
    write("advisor_mode", "[none] scan-time");
    write("pages_to_scan", "100");
    write("sleep_millisecs", "20");
    write("use_zero_pages", "0");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& value) const {
    std::ofstream(folder_ + "/" + name) << value << "\n";
  }
  void turn() const {
    const Ksm ksm(folder_);
    ksm.set("run", "0");
    ksm.set("advisor_mode", "none");
    ksm.set("pages_to_scan", "1000000000");
    ksm.set("sleep_millisecs", "0");
    ksm.set("use_zero_pages", "1");
  }
  void expect_as_before() const {
    const Ksm ksm(folder_);
    EXPECT_EQ(ksm.text("run"), "1");
    EXPECT_EQ(ksm.text("advisor_mode"), "none");
    EXPECT_EQ(ksm.text("pages_to_scan"), "100");
    EXPECT_EQ(ksm.text("sleep_millisecs"), "20");
    EXPECT_EQ(ksm.text("use_zero_pages"), "0");
    EXPECT_FALSE(ksm.has("smart_scan")) << "a knob that was not there was made";
  }
  // The keeper holds the lock until everything is back.
  void wait_for_keeper() const {
    const UniqueFd file = checked_fd(::open((folder_ + "/run").c_str(), O_RDONLY | O_CLOEXEC), "open");
    wait_until("the keeper has put the knobs back",
               [&] { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; });
  }
  // A bench in a process of its own: turns the knobs, then ends by `end`.
  template <typename End>
  void bench(End end) const {
    Child child = Child::start([&] {
      const KsmKnobGuard guard{Ksm(folder_)};
      turn();
      end();
      ::_exit(0);  // without a destructor
    });
    child.wait("a bench");
  }

  std::string folder_ = "/tmp/samepage-ksm-XXXXXX";
};

TEST_F(KsmKnobs, AreReadAndSet) {
  const Ksm ksm(folder_);
  EXPECT_EQ(ksm.number("pages_to_scan"), 100U);
  EXPECT_EQ(ksm.text("advisor_mode"), "none");
  write("advisor_mode", "none [scan-time]");
  EXPECT_EQ(ksm.text("advisor_mode"), "scan-time");
  ksm.set("pages_to_scan", "7");
  EXPECT_EQ(ksm.number("pages_to_scan"), 7U);
  ksm.set("smart_scan", "1");
  EXPECT_FALSE(ksm.has("smart_scan"));
  EXPECT_EQ(ksm.number("smart_scan"), 0U);
}

TEST_F(KsmKnobs, ObstacleNamesTheWayOut) {
  EXPECT_EQ(Ksm(folder_).obstacle(), "");
  EXPECT_NE(Ksm(folder_ + "/none").obstacle().find("--without-ksmd"), std::string::npos);
}

TEST_F(KsmKnobs, ComeBackAtTheEndOfTheGuard) {
  {
    const KsmKnobGuard guard{Ksm(folder_)};
    turn();
  }
  expect_as_before();
}

TEST_F(KsmKnobs, ComeBackWhenAnExceptionPasses) {
  const auto fail = [&] {
    const KsmKnobGuard guard{Ksm(folder_)};
    turn();
    throw std::runtime_error("in a measurement");
  };
  EXPECT_THROW(fail(), std::runtime_error);
  expect_as_before();
}

TEST_F(KsmKnobs, ComeBackAfterAKill) {
  bench([] { ::raise(SIGKILL); });
  wait_for_keeper();
  expect_as_before();
}

TEST_F(KsmKnobs, ComeBackAfterATerminationThatNobodyHandles) {
  bench([] {
    std::signal(SIGTERM, SIG_DFL);
    ::raise(SIGTERM);
  });
  wait_for_keeper();
  expect_as_before();
}

TEST_F(KsmKnobs, ComeBackWhenTheProcessEndsWithoutDestructors) {
  bench([] {});
  wait_for_keeper();
  expect_as_before();
}

// With an advisor pages_to_scan is the advisor's: the kernel refuses a value then.
TEST_F(KsmKnobs, AnAdvisorIsPutBackAndItsKnobLeftAlone) {
  write("advisor_mode", "none [scan-time]");
  {
    const KsmKnobGuard guard{Ksm(folder_)};
    turn();
  }
  const Ksm ksm(folder_);
  EXPECT_EQ(ksm.text("advisor_mode"), "scan-time");
  EXPECT_EQ(ksm.text("pages_to_scan"), "1000000000");
  EXPECT_EQ(ksm.text("sleep_millisecs"), "20");
}

}  // namespace
}  // namespace samepage::bench
