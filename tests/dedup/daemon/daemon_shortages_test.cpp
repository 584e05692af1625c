// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/daemon_shortages.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <new>
#include <system_error>

#include "base/check.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::dedup {
namespace {

class DaemonShortagesTest : public testing::Test {
 protected:
  // Looks until a try has been made.
  void look_until_tried(bool stores_lack_memory = false) {
    const int before = tries_;
    step_until(
        "it is tried", [&] { shortages_.look_again(stores_lack_memory); }, [&] { return tries_ != before; });
  }
  [[nodiscard]] bool is_short(Resource what) const { return shortages_.all().is_short(what); }
  static std::system_error failure(int error) { return {error, std::generic_category(), "a call"}; }

  int error_ = 0;
  int tries_ = 0;
  DaemonShortages shortages_{[this] { return ++tries_, error_; }};
};

TEST_F(DaemonShortagesTest, WhatIsNoLackIsNone) {
  EXPECT_FALSE(shortages_.failed(UserError("refused")));
  EXPECT_FALSE(shortages_.failed(failure(EACCES)));
  for (const Resource what : all_resources()) EXPECT_FALSE(is_short(what));
}

TEST_F(DaemonShortagesTest, NothingIsTriedWhileThereIsPlenty) {
  shortages_.look_again(false);
  EXPECT_EQ(tries_, 0);
}

TEST_F(DaemonShortagesTest, DescriptorsAreTriedUntilThereAreSome) {
  EXPECT_TRUE(shortages_.failed(failure(EMFILE)));
  error_ = EMFILE;
  look_until_tried();
  EXPECT_TRUE(is_short(Resource::descriptors));
  error_ = 0;
  look_until_tried();
  EXPECT_FALSE(is_short(Resource::descriptors));
}

TEST_F(DaemonShortagesTest, MemoryThatStoresLackIsTheirsToTry) {
  EXPECT_TRUE(shortages_.failed(std::bad_alloc()));
  const Resource what = has_strict_commit() ? Resource::commit : Resource::memory;
  ASSERT_TRUE(is_short(what));
  wait_until("it may be tried", [&] { return shortages_.all().may_try(what, Shortages::Clock::now()); });
  shortages_.look_again(true);
  EXPECT_EQ(tries_, 0);
  error_ = ENOMEM;
  look_until_tried();
  EXPECT_TRUE(is_short(what));
  error_ = 0;
  look_until_tried();
  EXPECT_FALSE(is_short(what));
}

TEST_F(DaemonShortagesTest, AProbeThatFindsThereIsRoom) {
  DaemonShortages real;
  real.no_descriptors();
  step_until(
      "a descriptor was tried, and there is one", [&] { real.look_again(false); },
      [&] { return !real.all().is_short(Resource::descriptors); });
}

}  // namespace
}  // namespace samepage::dedup
