// SPDX-License-Identifier: Apache-2.0
// However a guest ends, its references go and the last one's frames are reaped.
#include <csignal>

#include "base/types.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class GuestEnd : public Host {
 protected:
  void start_sharing() {
    start("a", {"fill", "common=200", "seed=1"}, {"--mem", "16M"});
    start("b", {"fill", "common=200", "seed=2"}, {"--mem", "16M"});
    for (const char* guest : {"a", "b"}) wait_for_line(guest, "ready");
    settle();
    ASSERT_GE(figure("pages_sharing"), 200U);
  }
  void expect_nothing_left() {
    wait_until("all frames are reaped", [&] { return figure("pages_shared") == 0; });
    EXPECT_EQ(figure("pages_sharing"), 0U);
    // The daemon's own memory is all that the kernel counts now.
    EXPECT_LT(figure("kernel_bytes"), 8U << 20);
    EXPECT_TRUE(leftovers().empty());
  }
};

TEST_F(GuestEnd, Stop) {
  start_sharing();
  ASSERT_EQ(samepage({"stop", "a"}).code, 0);
  wait_until("a's references are gone", [&] { return figure("pages_sharing") == 0; });
  EXPECT_GE(figure("pages_shared"), 200U);  // b still maps them
  ASSERT_EQ(samepage({"stop", "b"}).code, 0);
  expect_nothing_left();
}

TEST_F(GuestEnd, Kill9) {
  start_sharing();
  for (const char* guest : {"a", "b"}) ::kill(guest_figures(guest).at("pid").get<pid_t>(), SIGKILL);
  wait_until("the guests are gone", [&] { return ask({"ps"}).empty(); });
  expect_nothing_left();
}

TEST_F(GuestEnd, KillCommand) {
  start_sharing();
  ASSERT_EQ(samepage({"kill", "a"}).code, 0);
  ASSERT_EQ(samepage({"kill", "b"}).code, 0);
  EXPECT_TRUE(ask({"ps"}).empty());
  expect_nothing_left();
}

}  // namespace
}  // namespace samepage::system_test
