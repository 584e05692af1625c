// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_end.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace samepage::vmm {
namespace {

bool is_over(const GuestEnd& end) {
  pollfd ended{end.fd(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 1;
}

GuestExit exited(int code) {
  return {GuestExit::Kind::exited, code, {}};
}

TEST(GuestEnd, FirstReasonCounts) {
  GuestEnd end;
  end.record(exited(3));
  end.record({GuestExit::Kind::stopped, 0, {}});
  EXPECT_EQ(end.wait().code, 3);
}

TEST(GuestEnd, IsOverWhenNoThreadIsLeft) {
  GuestEnd end;
  ASSERT_TRUE(end.expect_threads(2));
  end.record(exited(0));
  end.thread_ended();
  EXPECT_FALSE(is_over(end));
  end.thread_ended();
  EXPECT_TRUE(is_over(end));
  EXPECT_TRUE(is_over(end)) << "waiting for it does not use it up";
}

TEST(GuestEnd, GuestThatNeverStartedMayEnd) {
  GuestEnd end;
  EXPECT_FALSE(is_over(end));
  end.record(exited(0));
  EXPECT_TRUE(is_over(end));
  EXPECT_FALSE(end.expect_threads(1));
}

TEST(GuestEnd, WhoMustEndIsToldOnceThereIsAReason) {
  int told = 0;
  GuestEnd end([&] { ++told; });
  ASSERT_TRUE(end.expect_threads(1));
  EXPECT_EQ(told, 0);
  end.record(exited(0));
  EXPECT_EQ(told, 1);
  end.thread_ended();
  EXPECT_EQ(told, 1);
}

TEST(GuestEnd, WaitBlocksUntilTheEnd) {
  GuestEnd end;
  ASSERT_TRUE(end.expect_threads(1));
  std::thread guest([&] {
    end.record(exited(5));
    end.thread_ended();
  });
  EXPECT_EQ(end.wait().code, 5);
  guest.join();
}

}  // namespace
}  // namespace samepage::vmm
