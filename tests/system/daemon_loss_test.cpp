// SPDX-License-Identifier: Apache-2.0
// A dead daemon costs no guest anything, and the next one takes its guests in.
#include <csignal>

#include <filesystem>
#include <fstream>
#include <iterator>

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

// The private daemon of our runtime directory; 0 when there is none.
pid_t private_daemon(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::string words;
    std::getline(file, words);  // empty, and no exception, where the process has just ended
    if (words.find("samepaged") != std::string::npos && words.find(directory + "/") != std::string::npos)
      return std::stoi(pid);
  }
  return 0;
}

TEST_F(DaemonLoss, APrivateOneIsStartedAgainAndHasTheSameKnobs) {
  kill_daemon();
  for (const char* guest : {"a", "b"}) start(guest, {"fill", "common=50"}, {"--mem", "16M"});
  const pid_t first = private_daemon(directory_);
  ASSERT_NE(first, 0);
  ASSERT_EQ(samepage({"tune", "max-interval=777"}).code, 0);
  ::kill(first, SIGKILL);
  wait_until("another daemon has taken the guests in", [&] {
    const pid_t now = private_daemon(directory_);
    return now != 0 && now != first && guest_figures("a").at("connected") &&
           guest_figures("b").at("connected");
  });
  EXPECT_EQ(ask({"tune"}).at("max-interval"), "777ms");
  EXPECT_EQ(ask({"tune", "--reset"}).at("max-interval"), "2000ms");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/samepaged.sock.knobs"));
  ::kill(private_daemon(directory_), SIGTERM);
}

TEST_F(DaemonLoss, ADaemonWhoseSocketWasRemovedIsFoundByTheNextGuest) {
  start("a", {"fill", "common=50"}, {"--mem", "16M"});
  std::filesystem::remove(directory_ + "/samepaged.sock");
  start("b", {"fill", "common=50"}, {"--mem", "16M"});
  for (const char* guest : {"a", "b"}) wait_for_line(guest, "ready");
  settle();
  EXPECT_GE(figure("pages_sharing"), 50U);
  EXPECT_EQ(private_daemon(directory_), daemon_);
}

TEST_F(DaemonLoss, AGuestStartsWhileTheDaemonHangsAndJoinsLater) {
  ::kill(daemon_, SIGSTOP);
  const Finished started =
      samepage({"run", "--detach", "--count", "2", "--name", "a", "--mem", "16M", "fill", "--", "common=50"});
  EXPECT_EQ(started.code, 0);
  EXPECT_EQ(started.out, "a-1\na-2\n");
  EXPECT_EQ(count(started.err, "hangs"), 1U) << started.err;
  EXPECT_NE(samepage({"stat", "a-1"}).out.find("not connected"), std::string::npos);
  ::kill(daemon_, SIGCONT);
  wait_until("both guests have joined",
             [&] { return guest_figures("a-1").at("connected") && guest_figures("a-2").at("connected"); });
}

}  // namespace
}  // namespace samepage::system_test
