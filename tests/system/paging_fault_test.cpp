// SPDX-License-Identifier: Apache-2.0
// Daemons and guests that are killed at each step of a page's way out, and files that somebody damages, takes
// away or removes meanwhile: the others verify every word, and the room comes back.
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fault_point.hpp"
#include "tests/system/bad_disk.hpp"
#include "tests/system/paging_host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

using nlohmann::json;

// What is started meanwhile has this fault.
class Armed {
 public:
  explicit Armed(const std::string& point, const std::string& action = "kill") {
    ::setenv("SAMEPAGE_FAULT", (point + ":1:" + action).c_str(), 1);
  }
  ~Armed() { ::unsetenv("SAMEPAGE_FAULT"); }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
};

class PagingFaults : public PagingHost {
 protected:
  void start_torture(const std::string& name) const {
    start(name, {"torture", "pages=400", "seconds=100000", "pause_us=2000"}, {"--mem", "16M", "--cpus", "2"});
  }
  // It has checked its pages since, and found nothing wrong.
  void expect_tortures_on(const std::string& name) const {
    const std::string before = log_of(name);
    wait_until(name + " goes on", [&] { return log_of(name).size() > before.size() + 20; });
    EXPECT_EQ(log_of(name).find("FAILED"), std::string::npos) << log_of(name);
  }
  void wait_until_joined(const std::vector<std::string>& guests) const {
    wait_until("the guests have joined", [&] {
      return std::all_of(guests.begin(), guests.end(), [&](const std::string& guest) {
        return guest_figures(guest).at("connected") == true;
      });
    });
  }
  [[nodiscard]] bool daemon_has_ended() const {
    siginfo_t how{};
    return ::waitid(P_PID, static_cast<id_t>(daemon_), &how, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           how.si_pid == daemon_;
  }
  // Pages go out, are written and come back, and files change, whether anybody answers or not.
  void have_pages_move(const std::vector<std::string>& guests) const {
    for (const std::string& guest : guests) samepage({"page-out", guest});
    samepage({"paging", "--add", file("b") + ",initial=8M"});
    samepage({"paging", "--remove", file("a")});
  }
  [[nodiscard]] std::uint64_t used_bytes() const {
    std::uint64_t used = 0;
    for (const json& file : paging()) used += file.at("used_bytes").get<std::uint64_t>();
    return used;
  }
};

TEST_F(PagingFaults, ADaemonThatIsKilledAtAnyStepCostsNoGuestAWord) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  start_torture("t");
  start_fill("g", 1000);
  for (const char* point : {"segment-taking", "slot-writing", "slot-written", "slot-published",
                            "daemon-took-merged", "slot-freed", "file-told-to-leave", "file-closing"}) {
    SCOPED_TRACE(point);
    {
      const Armed armed(point);
      start_daemon_with({file("a") + ",initial=8M"});
    }
    wait_until("the daemon has come by", [&] {
      have_pages_move({"t", "g"});
      return daemon_has_ended();
    });
    EXPECT_EQ(ask({"ps"}).size(), 2U);
    if (HasFailure()) return;
  }
  start_daemon_with({file("a") + ",initial=8M"});
  wait_until_joined({"t", "g"});
  for (const char* guest : {"t", "g"}) ASSERT_EQ(samepage({"page-out", guest}).code, 0);
  expect_verifies("g");
  expect_tortures_on("t");
  EXPECT_GT(figure("paged_bytes"), 0U);
  for (const char* guest : {"t", "g"}) EXPECT_EQ(samepage({"kill", guest}).code, 0);
  wait_until("nothing of the file is used", [&] { return used_bytes() == 0; });
  EXPECT_EQ(paging()[0].at("size_bytes"), 8U << 20);
  EXPECT_EQ(std::filesystem::directory_iterator(directory_ + "/guests"),
            std::filesystem::directory_iterator());
}

TEST_F(PagingFaults, AWriteThatFailsIsAnErrorThatStatCounts) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  {
    const Armed armed("slot-writing", "EIO");
    start_daemon_with({file("a") + ",initial=8M"});
  }
  start_fill("g", 300);
  EXPECT_EQ(figure("errors"), 0U);
  wait_until("the write has failed", [&] {
    samepage({"page-out", "g"});
    return figure("errors") > 0;
  });
  EXPECT_EQ(figure("errors"), 1U) << "each failure counts once, and this file is not tried again";
  EXPECT_EQ(paging()[0].at("state"), "failed");
  expect_verifies("g");
}

TEST_F(PagingFaults, AGuestThatIsKilledAtAnyStepCostsNoOtherAWord) {
  if (!has_fault_points()) GTEST_SKIP() << "this build has no fault points";
  start_daemon_with({file("a") + ",initial=8M"});
  start_torture("witness");
  wait_until_joined({"witness"});
  for (const char* point : {"agent-sent-page-out", "page-donated", "page-mapping", "page-mapped",
                            "agent-sends-merged", "agent-sends-broken", "page-unmapped", "file-left"}) {
    SCOPED_TRACE(point);
    {
      const Armed armed(point);
      // It may come by before it runs.
      samepage({"run", "--detach", "--name", "victim", "--mem", "16M", "torture", "--", "pages=400",
                "seconds=100000", "pause_us=2000"});
    }
    wait_until("the guest has come by", [&] {
      have_pages_move({"witness", "victim"});
      samepage({"paging", "--add", file("a") + ",initial=8M"});
      samepage({"paging", "--remove", file("b")});
      return ask({"ps"}).size() == 1;
    });
    if (HasFailure()) return;
  }
  expect_tortures_on("witness");
  wait_until("the daemon has forgotten the others", [&] { return ask({"stat"}).at("guests").size() == 1; });
  EXPECT_EQ(samepage({"kill", "witness"}).code, 0);
  wait_until("nothing of the files is used", [&] { return used_bytes() == 0 && figure("slots_bytes") == 0; });
}

// The others have slots on the same disk.
TEST_F(PagingFaults, AGuestWhosePagesCanNotBeReadBackEndsAloneAndNamesTheFile) {
  BadDisk disk;
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  const std::string paging_file = disk.path() + "/paging";
  start_daemon_with({paging_file + ",initial=16M,max=64M"});
  start_torture("other");
  start("g", {"fill", "own=500", "verify=1"}, {"--mem", "16M", "--domain", "own"});
  wait_for_line("g", "ready");
  ASSERT_EQ(samepage({"page-out", "other"}).code, 0);
  ASSERT_EQ(samepage({"suspend", "g"}).code, 0);
  ASSERT_GE(guest_figures("g").at("paged_bytes").get<std::uint64_t>(), bytes(400));
  ASSERT_GT(disk.damage(pid_of("g")), 0U);

  // To leave the file it would have to read it: it stays as it is.
  paging({"--add", file("b")});
  EXPECT_EQ(paging({"--remove", paging_file})[0].at("state"), "leaving");
  expect_tortures_on("other");
  EXPECT_EQ(ask({"ps"}).size(), 2U);
  EXPECT_EQ(paging().size(), 2U);

  ASSERT_EQ(samepage({"resume", "g"}).code, 0);
  wait_until("the guest has ended", [&] { return ask({"ps"}).size() == 1; });
  const json ended = ask({"ps", "--all"});
  for (const json& guest : ended) {
    if (guest.at("name") != "g") continue;
    EXPECT_EQ(guest.at("exit_code"), 125) << guest;
    EXPECT_NE(guest.dump().find(paging_file), std::string::npos) << guest;
  }
  expect_tortures_on("other");
  EXPECT_EQ(daemon_pid(), daemon_);
}

TEST_F(PagingFaults, AFileThatSomebodyCutsShortOrTakesAwayLosesNothing) {
  start_daemon_with({file("a") + ",initial=16M,max=64M", file("b") + ",initial=16M,max=64M"});
  start_fill("g", 2000);
  start_torture("t");
  ASSERT_EQ(samepage({"page-out", "g"}).code, 0);
  std::filesystem::resize_file(file("a"), 0);
  std::filesystem::remove(file("b"));
  expect_verifies("g");
  start_fill("later", 3000);  // more than is in the segments that there are
  for (const char* guest : {"t", "later"}) ASSERT_EQ(samepage({"page-out", guest}).code, 0);
  EXPECT_GE(guest_figures("later").at("paged_bytes").get<std::uint64_t>(), bytes(2900));
  for (const char* guest : {"g", "later"}) expect_verifies(guest);
  expect_tortures_on("t");
  for (const json& used : paging()) EXPECT_EQ(used.at("state"), "in use") << used;
}

TEST_F(PagingFaults, OfTwoWhoAddAFileAtOnceOneDoes) {
  const std::vector<std::string> add{program("samepage"), "paging", "--add", file("a") + ",initial=8M"};
  Process first(add, -1, -1), second(add, -1, -1);
  EXPECT_EQ(first.wait() + second.wait(), 1);
  EXPECT_EQ(paging().size(), 1U);
}

TEST_F(PagingFaults, AFileMayBeRemovedWhilePagesGoOutOrComeBackAndTwice) {
  start_daemon_with({file("a") + ",initial=8M,max=64M"});
  start_torture("t");
  start_fill("g", 4000);
  Process out({program("samepage"), "suspend", "g"}, -1, -1);
  wait_until("pages are on their way", [&] { return paging()[0].at("written_bytes") > 0U; });
  paging({"--remove", file("a")});
  static_cast<void>(samepage({"paging", "--remove", file("a")}));  // it may be gone already
  EXPECT_LT(out.wait(), 2);
  samepage({"resume", "g"});
  wait_until("the file is gone", [&] { return paging().empty(); });
  expect_verifies("g");

  paging({"--add", file("b")});
  ASSERT_EQ(samepage({"suspend", "g"}).code, 0);
  Process back({program("samepage"), "resume", "g"}, -1, -1);
  paging({"--remove", file("b")});
  EXPECT_EQ(back.wait(), 0);
  wait_until("the file is gone", [&] { return paging().empty(); });
  expect_verifies("g");
  expect_tortures_on("t");
  expect_refused(samepage({"paging", "--remove", file("b")}), "is not a paging file of this daemon");
}

}  // namespace
}  // namespace samepage::system_test
