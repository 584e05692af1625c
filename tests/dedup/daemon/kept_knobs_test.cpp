// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/kept_knobs.hpp"

#include <gtest/gtest.h>
#include <cstdlib>

#include <filesystem>
#include <fstream>

#include "base/temporary_directory.hpp"

namespace samepage::dedup {
namespace {

class KeptKnobsTest : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const KeptKnobs kept_{KeptKnobs::place(directory_.path() + "/daemon.sock")};
  Settings knobs_;
};

TEST_F(KeptKnobsTest, WhatWasSetHoldsForTheNextDaemon) {
  knobs_.merging = 0;
  knobs_.interval_ms = 7;
  ASSERT_TRUE(kept_.keep(knobs_, {}));
  Settings next;
  next.cpu_percent = 55;
  EXPECT_TRUE(kept_.read_into(next));
  EXPECT_EQ(next.merging, 0U);
  EXPECT_EQ(next.interval_ms, 7U);
  EXPECT_EQ(next.cpu_percent, 55U);  // was not set
}

TEST_F(KeptKnobsTest, WithTheDefaultsThereIsNoFile) {
  knobs_.merging = 0;
  ASSERT_TRUE(kept_.keep(knobs_, {}));
  ASSERT_TRUE(kept_.keep({}, {}));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_TRUE(kept_.keep({}, {}));
  EXPECT_FALSE(kept_.read_into(knobs_));
}

TEST_F(KeptKnobsTest, ALineThatMakesNoSenseIsLeftOut) {
  std::ofstream(kept_.path()) << "merging=off\nspeed=9\nmerging\n\ncpu=0\ninterval=9ms";
  EXPECT_TRUE(kept_.read_into(knobs_));
  EXPECT_EQ(knobs_.merging, 0U);
  EXPECT_EQ(knobs_.interval_ms, 9U);
  EXPECT_EQ(knobs_.cpu_percent, Settings().cpu_percent);
}

TEST_F(KeptKnobsTest, AFileOfSomethingElseIsNotRead) {
  std::ofstream(directory_.path() + "/other") << "merging=off\n";
  std::filesystem::create_symlink(directory_.path() + "/other", kept_.path());
  EXPECT_FALSE(kept_.read_into(knobs_));
  EXPECT_EQ(knobs_.merging, 1U);
}

TEST_F(KeptKnobsTest, AServiceManagersFolderComesFirst) {
  EXPECT_EQ(KeptKnobs::place("/run/d.sock"), "/run/d.sock.knobs");
  ::setenv("STATE_DIRECTORY", "/var/lib/samepaged:/var/lib/more", 1);
  EXPECT_EQ(KeptKnobs::place("/run/d.sock"), "/var/lib/samepaged/samepaged.knobs");
  ::setenv("STATE_DIRECTORY", "relative", 1);
  EXPECT_EQ(KeptKnobs::place("/run/d.sock"), "/run/d.sock.knobs");
  ::unsetenv("STATE_DIRECTORY");
}

TEST_F(KeptKnobsTest, WhereNothingCanBeWrittenTheyAreNotKept) {
  const KeptKnobs nowhere(directory_.path() + "/missing/daemon.knobs");
  knobs_.merging = 0;
  EXPECT_FALSE(nowhere.keep(knobs_, {}));
}

}  // namespace
}  // namespace samepage::dedup
