// SPDX-License-Identifier: Apache-2.0
// A dead daemon costs no guest anything, and the next one takes its guests in.
#include <csignal>

#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class DaemonLoss : public Host {};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST_F(DaemonLoss, GuestsRunOnAndJoinTheNextOne) {
  for (const char* guest : {"a", "b"})
    start(guest, {"fill", "common=200", "own=20", "verify=1"}, {"--mem", "16M"});
  for (const char* guest : {"a", "b"}) wait_for_line(guest, "ready");
  settle();
  ASSERT_GE(figure("pages_sharing"), 200U);

  kill_daemon();
  for (const char* guest : {"a", "b"}) {
    const std::size_t before = count(log_of(guest), "verified");
    wait_until("the guest has checked its pages again",
               [&] { return count(log_of(guest), "verified") > before + 1; });
    EXPECT_GT(guest_figures(guest).at("shared_bytes").get<std::uint64_t>(), 0U);
  }

  start_daemon();
  wait_until("both guests have joined",
             [&] { return guest_figures("a").at("connected") && guest_figures("b").at("connected"); });
  settle();
  EXPECT_GE(figure("pages_sharing"), 200U);
  for (const char* guest : {"a", "b"}) EXPECT_EQ(log_of(guest).find("wrong"), std::string::npos);
}

TEST_F(DaemonLoss, AHungDaemonHangsNoGuest) {
  start("a", {"fill", "own=20000"}, {"--mem", "128M"});
  wait_for_line("a", "ready");
  merge_fast();
  ::kill(daemon_, SIGSTOP);
  EXPECT_EQ(samepage({"pause", "a"}).code, 0);
  EXPECT_EQ(samepage({"stop", "a"}).code, 0);
  EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace samepage::system_test
