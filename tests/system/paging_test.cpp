// SPDX-License-Identifier: Apache-2.0
// Guests whose pages go out to paging files: they read what they wrote, memory comes back, and whoever dies
// in between costs nobody else anything. What memory a guest takes is what the kernel says of its process.
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/system/memory_cgroup.hpp"
#include "tests/system/paging_host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

using nlohmann::json;

class Paging : public PagingHost {
 protected:
  std::optional<MemoryCgroup> cgroup_;  // goes when all guests have
};

TEST_F(Paging, WhatGoesOutTakesNoMemoryAndTheGuestGoesOnVerifying) {
  start_daemon_with({file("a")});
  start_fill("g", 4000);
  const std::uint64_t before = pss_anon("g");
  EXPECT_EQ(ask({"page-out", "g", "4M"}).at("bytes"), 4U << 20);
  EXPECT_LE(pss_anon("g"), before - (3U << 20));
  EXPECT_GE(ask({"page-out", "g"}).at("bytes").get<std::uint64_t>(), bytes(2900));
  expect_verifies("g");
  EXPECT_LE(pss_anon("g"), before - bytes(3800)) << "reading takes no memory of its own";
  EXPECT_GE(guest_figures("g").at("paged_bytes").get<std::uint64_t>(), bytes(3800));
}

TEST_F(Paging, ASuspendedGuestGivesBackWhatItHadToItselfUntilItIsResumed) {
  start_daemon_with({file("a")});
  start_fill("g", 4000);
  const auto own = guest_figures("g").at("private_bytes").get<std::uint64_t>();
  const std::uint64_t before = pss_anon("g");
  ASSERT_GE(own, bytes(4000));
  ASSERT_EQ(samepage({"suspend", "g"}).code, 0);
  EXPECT_GE(before - std::min(before, pss_anon("g")), own / 100 * 95);
  EXPECT_EQ(ask({"ps"})[0].at("state"), "paused");
  ASSERT_EQ(samepage({"resume", "g"}).code, 0);
  EXPECT_EQ(ask({"ps"})[0].at("state"), "running");
  expect_verifies("g");
}

TEST_F(Paging, AGuestWhosePagesHaveNowhereToGoIsLeftAsItIs) {
  start("g", {"hello", "wait=1"}, {"--mem", "16M"});
  start("alone", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "none"});
  for (const char* guest : {"g", "alone"}) {
    for (const char* command : {"page-out", "suspend"}) {
      const Finished refused = samepage({command, guest});
      EXPECT_EQ(refused.code, 1) << command;
      EXPECT_NE(refused.err.find("samepage paging --add"), std::string::npos) << refused.err;
    }
  }
  for (const json& guest : ask({"ps"})) EXPECT_EQ(guest.at("state"), "running") << guest;
  ASSERT_EQ(samepage({"pause", "g"}).code, 0);
  EXPECT_EQ(samepage({"suspend", "g"}).code, 1);
  EXPECT_EQ(guest_figures("g").at("state"), "paused") << "its user holds it";
}

TEST_F(Paging, FilesComeAndGoWhileAGuestRuns) {
  EXPECT_EQ(paging(), json::array());
  start_fill("g", 3000);
  const std::uint64_t before = pss_anon("g");
  const std::string a = file("a"), b = file("b");
  EXPECT_EQ(paging({"--add", a + ",max=64M"}).size(), 1U);
  const json both = paging({"--add", b + ",max=64M"});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[1].at("path"), b);
  EXPECT_EQ(both[1].at("state"), "in use");
  EXPECT_EQ(both[1].at("max_bytes"), 64U << 20);
  ASSERT_EQ(samepage({"page-out", "g"}).code, 0);
  for (const json& used : paging()) EXPECT_GT(used.at("used_bytes"), 0U) << used;

  paging({"--remove", a});
  wait_until("the guest's pages have moved to the other one", [&] {
    const json left = paging();
    return left.size() == 1 && left[0].at("path") == b && pss_anon("g") + bytes(2800) <= before;
  });
  expect_verifies("g");
  paging({"--remove", b});
  wait_until("all is in memory again", [&] { return paging().empty(); });
  EXPECT_GE(pss_anon("g"), bytes(2900));
  expect_verifies("g");
}

TEST_F(Paging, AFileThatCanNotBeOneIsRefusedWithTheReason) {
  const std::string folder = directory_ + "/disks";
  const std::string text = file("text"), link = file("link"), taken = file("taken");
  std::ofstream(text) << "not ours";
  std::filesystem::create_symlink(text, link);
  start_daemon_with({taken + ",initial=8M"});
  const struct {
    std::string spec, cause;
  } bad[] = {
      {folder, "is a directory"},
      {folder + "/", "is a directory"},
      {folder + "/none/a", "there is no directory"},
      {text, "is not a paging file"},
      {link, "symbolic link"},
      {"/dev/null", "regular file"},
      {taken, "is in use by another daemon"},
      {file("a") + ",initial=16M,max=8M", "is below its initial size"},
      {file("a") + ",max=much", "'much' is not a size"},
      {file("a") + ",colour=red", "'colour=red' says nothing"},
      {file("a") + ",initial=8P", "a smaller initial="},
  };
  for (const auto& [spec, cause] : bad) {
    const Finished other = run({program("samepaged"), "--socket", directory_ + "/other.sock",
                                "--exit-when-idle", "--paging-file", spec});
    expect_refused(other, cause);
    if (spec != taken) expect_refused(samepage({"paging", "--add", spec}), cause);
  }
  expect_refused(samepage({"paging", "--add", taken}), "is a paging file already");
  expect_refused(samepage({"paging", "--remove", text}), "is not a paging file of this daemon");
  EXPECT_EQ(paging().size(), 1U);
  EXPECT_EQ(std::filesystem::file_size(text), 8U);
  EXPECT_FALSE(std::filesystem::exists(file("a"))) << "a file that was refused stays";
}

TEST_F(Paging, ThereAreSixteenFilesAtMost) {
  for (int i = 0; i < 16; ++i) paging({"--add", file("f" + std::to_string(i)) + ",initial=0"});
  expect_refused(samepage({"paging", "--add", file("one-more") + ",initial=0"}), "16 paging files already");
  EXPECT_EQ(paging().size(), 16U);
  EXPECT_FALSE(std::filesystem::exists(file("one-more")));
}

TEST_F(Paging, MoreRamThanMayBePromisedIsRefusedWithTheFigures) {
  start_daemon_with({file("a") + ",initial=0,max=64M"});
  ASSERT_EQ(samepage({"tune", "overcommit=1"}).code, 0);
  const std::uint64_t limit = figure("commit_limit_bytes") >> 20;  // a percent of the host's memory
  ASSERT_GT(limit, 32U);
  const auto promise = [&](const char* name, std::uint64_t mebibytes) {
    return samepage({"run", "--detach", "--name", name, "--mem", std::to_string(mebibytes) + "M", "hello",
                     "--", "wait=1"});
  };
  expect_refused(promise("big", limit + 1), "samepage tune overcommit=");
  EXPECT_EQ(leftovers(), std::vector{file("a")});
  ASSERT_EQ(promise("half", limit / 2 + 8).code, 0);
  EXPECT_EQ(figure("reserved_bytes") >> 20, limit / 2 + 8);
  expect_refused(promise("other", limit / 2 + 8), std::to_string(limit / 2 + 8));
  expect_refused(samepage({"fork", "half"}), "samepage tune overcommit=");
  EXPECT_EQ(ask({"ps"}).size(), 1U);
  // One that shares nothing is counted too, and refused like any other.
  const auto alone = [&](const char* name, std::uint64_t mebibytes) {
    return samepage({"run", "--detach", "--name", name, "--domain", "none", "--mem",
                     std::to_string(mebibytes) + "M", "hello", "--", "wait=1"});
  };
  expect_refused(alone("alone", limit / 2 + 8), "samepage tune overcommit=");
  ASSERT_EQ(alone("alone", 16).code, 0);
  EXPECT_EQ(figure("reserved_bytes") >> 20, limit / 2 + 8 + 16);
  ASSERT_EQ(samepage({"stop", "alone"}).code, 0);
  wait_until("its memory is not promised any more",
             [&] { return figure("reserved_bytes") >> 20 == limit / 2 + 8; });
  ASSERT_EQ(samepage({"tune", "overcommit=0"}).code, 0);
  EXPECT_EQ(promise("other", limit / 2 + 8).code, 0);
}

TEST_F(Paging, ADaemonThatIsKilledWhilePagesGoOutCostsNothing) {
  kill_daemon();  // guests start one of their own
  start("t", {"torture", "pages=1000", "seconds=100000", "pause_us=20000"}, {"--mem", "16M", "--cpus", "2"});
  start_fill("g", 4000);
  paging({"--add", file("a")});
  const pid_t first = daemon_pid();
  const Process torture({program("samepage"), "page-out", "t"}, -1, -1);
  Process fill({program("samepage"), "page-out", "g"}, -1, -1);
  wait_until("pages are on their way", [&] { return paging()[0].at("written_bytes") > 0U; });
  ::kill(first, SIGKILL);
  EXPECT_LT(fill.wait(), 2) << "it says what left memory, or that nothing could";
  wait_until("another daemon has the guests", [&] {
    const pid_t now = daemon_pid();
    return now > 0 && now != first && guest_figures("t").at("connected") &&
           guest_figures("g").at("connected");
  });
  expect_verifies("g");
  ASSERT_EQ(paging().size(), 1U) << "what was added is kept";
  EXPECT_EQ(paging()[0].at("state"), "in use");
  ASSERT_EQ(samepage({"page-out", "t"}).code, 0);
  ASSERT_EQ(samepage({"page-out", "g"}).code, 0);
  expect_verifies("g");
  const std::string visits = log_of("t");
  wait_until("the other guest goes on", [&] { return log_of("t") != visits; });
  EXPECT_EQ(log_of("t").find("FAILED"), std::string::npos) << log_of("t");
  EXPECT_EQ(ask({"ps"}).size(), 2U);
  for (const char* guest : {"t", "g"}) EXPECT_EQ(samepage({"stop", guest}).code, 0);
  ::kill(daemon_pid(), SIGKILL);  // one that ends in good order removes files while we do
}

TEST_F(Paging, FilesThatWereAddedAreThereForTheNextDaemonUntilTheyAreRemoved) {
  start_daemon_with({});
  for (const char* name : {"a", "b", "c"}) paging({"--add", file(name) + ",initial=8M,max=16M"});
  paging({"--remove", file("b")});
  std::filesystem::remove(file("c"));
  std::filesystem::create_directory(file("c"));  // it can't be used any more
  start_daemon_with({file("a") + ",initial=8M,max=32M"});
  const json files = paging();
  ASSERT_EQ(files.size(), 2U) << files;
  EXPECT_EQ(files[0].at("path"), file("a"));
  EXPECT_EQ(files[0].at("max_bytes"), 32U << 20) << "the command line counts";
  EXPECT_EQ(files[1].at("path"), file("c"));
  EXPECT_EQ(files[1].at("state"), "unusable");
  EXPECT_NE(files[1].at("problem").get<std::string>().find("is a directory"), std::string::npos) << files;
  paging({"--remove", file("c")});
  EXPECT_EQ(paging().size(), 1U);
  start_daemon_with({});
  EXPECT_EQ(paging().size(), 1U) << "what was given on a command line is that daemon's, what was added stays";
  EXPECT_EQ(paging()[0].at("max_bytes"), 16U << 20);
}

TEST_F(Paging, TheRoomOfAGuestThatIsKilledWhilePagesGoOutComesBack) {
  start_daemon_with({file("a") + ",initial=8M"});
  start_fill("g", 6000);
  Process out({program("samepage"), "page-out", "g"}, -1, -1);
  wait_until("pages are on their way", [&] { return paging()[0].at("written_bytes") > 0U; });
  ::kill(pid_of("g"), SIGKILL);
  EXPECT_LT(out.wait(), 2);
  wait_until("nothing of the file is used",
             [&] { return paging()[0].at("used_bytes") == 0U && figure("slots_bytes") == 0; });
  EXPECT_EQ(paging()[0].at("size_bytes"), 8U << 20) << "what was set aside is there again";
  start_fill("other", 500);
  ASSERT_EQ(samepage({"page-out", "other"}).code, 0);
  expect_verifies("other");
}

TEST_F(Paging, GuestsWithTwiceAsMuchAsTheirCgroupMayHaveAllVerify) {
  constexpr std::uint64_t limit = 96U << 20;
  cgroup_.emplace("samepage-test-" + std::to_string(::getpid()), limit);
  if (!cgroup_->problem().empty()) GTEST_SKIP() << cgroup_->problem();
  start_daemon_with({file("a"), file("b")});
  const std::vector<std::string> guests{"g1", "g2", "g3", "g4"};
  for (const std::string& guest : guests) {
    Process start({program("samepage"), "run", "--detach", "--name", guest, "--mem", "64M", "fill", "--",
                   "own=12400", "seed=" + guest.substr(1), "verify=1"},
                  -1, 2, cgroup_->joining());
    ASSERT_EQ(start.wait(), 0);
  }
  wait_until("each has verified all of its pages twice", [&] {
    if (cgroup_->killed() > 0 || ask({"ps"}).size() != guests.size()) ADD_FAILURE() << "a guest is gone";
    return std::all_of(guests.begin(), guests.end(), [&](const auto& guest) { return verified(guest) >= 2; });
  });
  EXPECT_EQ(cgroup_->killed(), 0U);
  EXPECT_GE(figure("committed_bytes"), 2 * limit);
  EXPECT_GE(figure("paged_bytes"), limit / 2);
}

}  // namespace
}  // namespace samepage::system_test
