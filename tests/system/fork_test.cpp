// SPDX-License-Identifier: Apache-2.0
// Guests that go on from where another one was. The guests check their own memory: `torture` knows what every
// word of it has to be, and ends at the first that is not.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class Fork : public Host {
 protected:
  void expect_sound(const std::string& guest) const {
    const std::string log = log_of(guest);
    EXPECT_EQ(log.find("FAILED"), std::string::npos) << guest << ": " << log;
    EXPECT_EQ(guest_figures(guest).at("state"), "running");
  }
  // It has gone all over its memory a few times since.
  void wait_for_work(const std::string& guest, std::uint64_t breaks) const {
    const auto before = guest_figures(guest).at("breaks").get<std::uint64_t>();
    wait_until(guest + " writes",
               [&] { return guest_figures(guest).at("breaks").get<std::uint64_t>() >= before + breaks; });
  }
  // The same for a guest that nobody merges.
  void wait_for_cpu(const std::string& guest) const {
    const auto cpu = [&] { return guest_figures(guest).at("cpu_user_us").get<std::uint64_t>(); };
    const std::uint64_t before = cpu();
    wait_until(guest + " works", [&] { return cpu() > before + 100'000; });
  }
  std::string file(const std::string& name) const { return directory_ + "/" + name; }
};

TEST_F(Fork, ClonesAndTheirParentGoOnAndSeeNothingOfEachOther) {
  start("parent", {"torture", "pages=300", "pause_us=2000", "seconds=100000"},
        {"--mem", "16M", "--cpus", "2"});
  merge_fast();
  wait_for_work("parent", 100);
  const auto forked = ask({"fork", "parent", "--count", "2"});
  EXPECT_EQ(forked.at("parent"), "parent");
  ASSERT_EQ(forked.at("guests").size(), 2U);
  for (int i = 1; i <= 2; ++i) {
    const std::string clone = "parent-" + std::to_string(i);
    EXPECT_EQ(forked.at("guests").at(static_cast<std::size_t>(i) - 1).at("name"), clone);
    wait_for_work(clone, 200);
    expect_sound(clone);
  }
  wait_for_work("parent", 200);
  expect_sound("parent");
  // A clone of a clone.
  ask({"fork", "parent-2", "--name", "grandchild"});
  wait_for_work("grandchild", 200);
  expect_sound("grandchild");
  for (const char* guest : {"parent", "parent-1", "parent-2", "grandchild"}) {
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
}

TEST_F(Fork, AGuestThatSharesNothingCanBeForked) {
  start("parent", {"torture", "pages=300", "seconds=100000", "rounds=100000"},
        {"--mem", "16M", "--domain", "none"});
  ask({"fork", "parent", "--name", "clone"});
  for (const char* guest : {"clone", "parent"}) {
    wait_for_cpu(guest);
    expect_sound(guest);
  }
  EXPECT_GT(guest_figures("clone").at("backed_bytes").get<std::uint64_t>(), 0U);
}

TEST_F(Fork, AClonesMemoryIsItsParentsUntilItIsWritten) {
  start("parent", {"fill", "common=1000", "own=1000", "verify=1"}, {"--mem", "32M"});
  wait_for_line("parent", "ready");
  settle();
  ask({"fork", "parent", "--name", "clone"});
  const auto clone = guest_figures("clone");
  EXPECT_GT(clone.at("backed_bytes").get<std::uint64_t>(), 2000U * 4096);
  EXPECT_LT(clone.at("private_bytes").get<std::uint64_t>(), 100U * 4096);
}

TEST_F(Fork, AFurtherForkCopiesWhatTheGuestHasWrittenSince) {
  start("parent", {"fill", "common=1000", "own=1000", "verify=1"}, {"--mem", "32M"});
  wait_for_line("parent", "ready");
  const auto copied = [&] {
    const auto forked = ask({"fork", "parent"});
    return forked.at("pages").get<std::uint64_t>() + forked.at("pages_held").get<std::uint64_t>();
  };
  EXPECT_GE(copied(), 2000U);
  wait_until("its own pages are mapped from the first fork's memory",
             [&] { return guest_figures("parent").at("backed_bytes").get<std::uint64_t>() >= 2000U * 4096; });
  EXPECT_LT(copied(), 200U);
  for (const char* clone : {"parent-1", "parent-2"}) {
    EXPECT_GE(guest_figures(clone).at("backed_bytes").get<std::uint64_t>(), 2000U * 4096);
    EXPECT_EQ(guest_figures(clone).at("backing_files"), guest_figures("parent").at("backing_files"));
  }
}

TEST_F(Fork, AClonesFirstForkCopiesWhatTheCloneHasWritten) {
  for (const char* domain : {"default", "none"}) {
    const std::string name = std::string("of-") + domain;
    start(name, {"fill", "common=1000", "own=1000", "verify=1"}, {"--mem", "32M", "--domain", domain});
    wait_for_line(name, "ready");
    std::string last = name;
    for (int depth = 1; depth <= 3; ++depth) {
      const std::string clone = name + "-child" + std::to_string(depth);
      const auto forked = ask({"fork", last, "--name", clone});
      const auto copied =
          forked.at("pages").get<std::uint64_t>() + forked.at("pages_held").get<std::uint64_t>();
      EXPECT_EQ(copied >= 2000, depth == 1) << clone << ": " << copied;
      EXPECT_EQ(copied<200, depth> 1) << clone << ": " << copied;
      EXPECT_GE(guest_figures(clone).at("backed_bytes").get<std::uint64_t>(), 2000U * 4096) << clone;
      last = clone;
    }
  }
}

// Its files are its ancestors', until there would be too many.
TEST_F(Fork, ALongLineOfClonesEndsWithoutHarm) {
  start("clone-0", {"torture", "pages=50", "pause_us=2000", "seconds=100000"}, {"--mem", "16M"});
  merge_fast();
  for (int depth = 1; depth <= 16; ++depth) {
    const std::string parent = "clone-" + std::to_string(depth - 1);
    const std::string clone = "clone-" + std::to_string(depth);
    wait_for_work(parent, 20);
    ask({"fork", parent, "--name", clone});
    EXPECT_EQ(samepage({"stop", parent}).code, 0);
    ask({"rollback", clone});
  }
  wait_for_work("clone-16", 100);
  expect_sound("clone-16");
}

TEST_F(Fork, APausedGuestsClonesRunAndPausedClonesWait) {
  start("parent", {"fill", "own=10", "verify=1"}, {"--mem", "16M"});
  ASSERT_EQ(samepage({"pause", "parent"}).code, 0);
  ask({"fork", "parent", "--name", "runs"});
  ask({"fork", "parent", "--name", "waits", "--paused"});
  EXPECT_EQ(guest_figures("parent").at("state"), "paused");
  EXPECT_EQ(guest_figures("runs").at("state"), "running");
  EXPECT_EQ(guest_figures("waits").at("state"), "paused");
}

TEST_F(Fork, ASnapshotIsRestoredAsOftenAsOneLikes) {
  start("parent", {"torture", "pages=300", "pause_us=2000", "seconds=100000"},
        {"--mem", "16M", "--cpus", "2"});
  merge_fast();
  wait_for_work("parent", 100);
  const std::string path = file("parent.snap");
  const auto taken = ask({"snapshot", "parent", path});
  EXPECT_GT(taken.at("pages").get<std::uint64_t>() + taken.at("pages_held").get<std::uint64_t>(), 200U);
  wait_for_work("parent", 200);
  expect_sound("parent");
  ASSERT_EQ(samepage({"stop", "parent"}).code, 0);
  const Finished restored = samepage({"restore", path, "--count", "2", "--detach"});
  EXPECT_EQ(restored.out, "parent-1\nparent-2\n") << restored.err;
  for (const char* guest : {"parent-1", "parent-2"}) {
    wait_for_work(guest, 200);
    expect_sound(guest);
  }
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(Fork, AGuestThatIsRolledBackGoesOnFromWhereItBegan) {
  start("parent", {"torture", "pages=300", "pause_us=2000", "seconds=100000"},
        {"--mem", "16M", "--cpus", "2"});
  merge_fast();
  wait_for_work("parent", 100);
  ask({"fork", "parent", "--name", "clone"});
  for (int round = 0; round < 5; ++round) {
    wait_for_work("clone", 100);
    const auto rolled = ask({"rollback", "clone"});
    EXPECT_GT(rolled.at("pages").get<std::uint64_t>(),
              0U);  // how many of what it wrote is merged by now varies
    expect_sound("clone");
  }
  wait_for_work("clone", 100);
  expect_sound("clone");
  // What it was backed by since, by its own clones, is not what it began from.
  ask({"fork", "clone", "--name", "grandchild"});
  wait_for_work("clone", 100);
  ask({"rollback", "clone"});
  wait_for_work("clone", 100);
  wait_for_work("grandchild", 100);
  expect_sound("clone");
  expect_sound("grandchild");
  const Finished refused = samepage({"rollback", "parent"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("not forked or restored"), std::string::npos) << refused.err;
  for (const char* guest : {"clone", "grandchild", "parent"}) EXPECT_EQ(samepage({"stop", guest}).code, 0);
}

// Whoever dies, at whatever step: clones are there and right, or not there, and those that live go on. The
// guests start another daemon themselves.
TEST_F(Fork, WhoeverDiesMeanwhileLeavesNothingHalfMade) {
  using Clock = std::chrono::steady_clock;
  enum class Victim { parent, command, daemon };
  for (int round = 0; round < 9; ++round) {
    const auto victim = static_cast<Victim>(round % 3);
    start("parent", {"torture", "pages=300", "seconds=100000"}, {"--mem", "16M"});
    const pid_t parent = guest_figures("parent").at("pid").get<pid_t>();
    {
      Process fork({program("samepage"), "fork", "parent", "--count", "3"}, -1, -1);
      const auto at = Clock::now() + std::chrono::milliseconds(3 * round);
      while (Clock::now() < at) std::this_thread::yield();
      if (victim == Victim::parent) ::kill(parent, SIGKILL);
      if (victim == Victim::command) fork.signal(SIGTERM);
      if (victim == Victim::daemon) kill_daemon();
      const int code = fork.wait();
      EXPECT_TRUE(code == 0 || code == 1 || code == 143) << code;
      const auto lives = [&](const std::string& name) {
        const auto guests = ask({"ps"});
        return std::any_of(guests.begin(), guests.end(),
                           [&](const auto& guest) { return guest.at("name") == name; });
      };
      wait_until("the parent is gone", [&] { return victim != Victim::parent || !lives("parent"); });
      const auto guests = ask({"ps"});
      const std::size_t clones = guests.size() - (victim == Victim::parent ? 0 : 1);
      EXPECT_EQ(clones, code == 0 ? 3U : 0U) << "round " << round;
    }
    for (const auto& guest : ask({"ps"})) {
      const auto name = guest.at("name").get<std::string>();
      wait_for_cpu(name);
      expect_sound(name);
      EXPECT_EQ(samepage({"stop", name}).code, 0);
    }
  }
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

TEST_F(Fork, WhatIsNoSnapshotIsRefusedInOneLine) {
  const auto refused = [&](const std::string& path, const std::string& why) {
    const Finished result = samepage({"restore", path});
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find(why), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find(path), std::string::npos) << result.err;
  };
  refused(file("missing"), "No such file");
  refused(directory_, "not a regular file");
  std::ofstream(file("empty")).flush();
  refused(file("empty"), "not a snapshot");
  start("parent", {"fill", "own=10", "verify=1"}, {"--mem", "16M"});
  ASSERT_EQ(samepage({"snapshot", "parent", file("whole")}).code, 0);
  std::filesystem::copy_file(file("whole"), file("cut"));
  std::filesystem::resize_file(file("cut"), std::filesystem::file_size(file("cut")) - 1);
  refused(file("cut"), "cut short");
  EXPECT_EQ(samepage({"stop", "parent"}).code, 0);
  EXPECT_TRUE(ask({"ps"}).empty());
}

}  // namespace
}  // namespace samepage::system_test
