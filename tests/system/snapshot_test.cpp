// SPDX-License-Identifier: Apache-2.0
// Snapshots of which each has only what changed since another one, and checks of their memory.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/unique_fd.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Snapshots : public Host {
 protected:
  std::string file(const std::string& name) const { return directory_ + "/" + name; }
  void expect_sound(const std::string& guest) const {
    EXPECT_EQ(log_of(guest).find("FAILED"), std::string::npos) << guest;
    EXPECT_EQ(guest_figures(guest).at("state"), "running");
  }
  void wait_for_work(const std::string& guest, std::uint64_t breaks) const {
    const auto before = guest_figures(guest).at("breaks").get<std::uint64_t>();
    wait_until(guest + " writes",
               [&] { return guest_figures(guest).at("breaks").get<std::uint64_t>() >= before + breaks; });
  }
  // The pages that were copied.
  std::uint64_t take(const std::string& guest, const std::string& name, const std::string& base = "") const {
    Words words{"snapshot", guest, file(name)};
    if (!base.empty()) words.insert(words.end(), {"--incremental", file(base)});
    const auto taken = ask(words);
    return taken.at("pages").get<std::uint64_t>() + taken.at("pages_held").get<std::uint64_t>();
  }
  void restore(const std::string& name, const std::string& guest) const {
    const Finished restored = samepage({"restore", file(name), "--detach", "--verify", "--name", guest});
    EXPECT_EQ(restored.code, 0) << restored.err;
  }
  // One line that says why, and that nothing has started.
  void expect_refused(const Words& command, const std::string& why) const {
    const Finished result = samepage(command);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr(why));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
};

TEST_F(Snapshots, AnIncrementalOneIsAsGoodAsAFullOne) {
  start("parent", {"torture", "pages=100", "pause_us=2000", "seconds=100000"},
        {"--mem", "16M", "--cpus", "2"});
  merge_fast();
  wait_for_work("parent", 20);
  take("parent", "1");
  wait_for_work("parent", 20);
  take("parent", "2", "1");  // of a guest that it was taken of before
  wait_for_work("parent", 20);
  take("parent", "3", "2");
  expect_sound("parent");
  ASSERT_EQ(samepage({"stop", "parent"}).code, 0);
  const Finished restored = samepage({"restore", file("3"), "--count", "2", "--detach"});
  EXPECT_EQ(restored.out, "parent-1\nparent-2\n") << restored.err;
  wait_for_work("parent-1", 20);
  ask({"rollback", "parent-1"});
  wait_for_work("parent-1", 20);
  take("parent-1", "4", "3");  // of a guest that was restored from it
  ask({"fork", "parent-1", "--name", "clone"});
  take("clone", "5", "3");  // of a clone of one
  restore("4", "fourth");
  restore("5", "fifth");
  for (const char* guest : {"parent-1", "parent-2", "clone", "fourth", "fifth"}) {
    wait_for_work(guest, 20);
    ask({"rollback", guest});
    wait_for_work(guest, 20);
    expect_sound(guest);
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
  const auto checked = ask({"check", file("5")});
  EXPECT_EQ(checked.at("ram_bytes").get<std::uint64_t>(), std::uint64_t{16} << 20U);
  EXPECT_EQ(checked.at("files").front().at("path"), file("5"));
}

TEST_F(Snapshots, AGuestThatSharesNothingHasIncrementalOnesToo) {
  start("parent", {"fill", "own=1000", "verify=1"}, {"--mem", "32M", "--domain", "none"});
  wait_for_line("parent", "ready");
  EXPECT_GE(take("parent", "1"), 1000U);
  EXPECT_LT(take("parent", "2", "1"), 200U);
  restore("2", "restored");
  EXPECT_LT(take("restored", "3", "2"), 200U);
  restore("3", "again");
  EXPECT_EQ(guest_figures("again").at("state"), "running");
}

TEST_F(Snapshots, AnIncrementalOneHasWhatChangedSinceItsBase) {
  start("parent", {"fill", "common=1000", "own=1000", "verify=1"}, {"--mem", "32M"});
  wait_for_line("parent", "ready");
  EXPECT_GE(take("parent", "1"), 2000U);
  EXPECT_LT(take("parent", "2", "1"), 200U);
  struct stat full {
  }, part{};
  ASSERT_EQ(::stat(file("1").c_str(), &full), 0);
  ASSERT_EQ(::stat(file("2").c_str(), &part), 0);
  EXPECT_LT(part.st_blocks, full.st_blocks / 5);
  const Finished one = samepage({"analyze", file("1"), "--json"});
  const Finished two = samepage({"analyze", file("1"), file("2"), "--json"});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(two.code, 0) << two.err;
  // They are together when they are moved.
  fs::create_directory(file("folder"));
  for (const char* name : {"1", "2"}) fs::rename(file(name), file("folder") + "/" + name);
  restore("folder/2", "restored");
  EXPECT_GE(guest_figures("restored").at("backed_bytes").get<std::uint64_t>(), 2000U * 4096);
}

TEST_F(Snapshots, WhatCanBeNoBaseIsRefusedInOneLine) {
  start("parent", {"fill", "own=10", "verify=1"}, {"--mem", "16M"});
  start("other", {"fill", "own=10", "verify=1"}, {"--mem", "16M"});
  for (const char* guest : {"parent", "other"}) wait_for_line(guest, "ready");
  const auto refused = [&](const std::string& guest, const std::string& target, const std::string& base,
                           const std::string& why) {
    expect_refused({"snapshot", guest, file(target), "--incremental", file(base)}, why);
  };
  refused("parent", "new", "missing", "No such file");
  take("parent", "1");
  take("other", "2");
  refused("parent", "new", "2", "is not a snapshot that this guest was restored from");
  refused("parent", "1", "1", "can't take its place");
  take("parent", "3", "1");
  refused("parent", "1", "3", "can't take its place");
  EXPECT_FALSE(fs::exists(file("new")));
  // The base of a base is another one now.
  fs::rename(file("2"), file("1"));
  expect_refused({"restore", file("3")}, "it is another snapshot by now");
  refused("parent", "new", "3", "it is another snapshot by now");
  expect_refused({"check", file("3")}, "it is another snapshot by now");
  expect_refused({"analyze", file("3")}, "it is another snapshot by now");
  fs::remove(file("1"));
  expect_refused({"restore", file("3")}, "can't be opened: No such file");
}

TEST_F(Snapshots, AChainIsOnlySoLong) {
  start("parent", {"fill", "own=10", "verify=1"}, {"--mem", "16M"});
  wait_for_line("parent", "ready");
  take("parent", "0");
  std::string last = "0";
  for (int i = 1; i < 40; ++i) {
    const std::string next = std::to_string(i);
    const Finished taken = samepage({"snapshot", "parent", file(next), "--incremental", file(last)});
    if (taken.code != 0) {
      EXPECT_THAT(taken.err, HasSubstr("as many as there can be"));
      break;
    }
    last = next;
  }
  restore(last, "restored");
  EXPECT_EQ(guest_figures("restored").at("state"), "running");
}

TEST_F(Snapshots, MemoryThatIsDamagedIsFoundBeforeAGuestRuns) {
  start("parent", {"fill", "own=1000", "verify=1"}, {"--mem", "16M"});
  wait_for_line("parent", "ready");
  take("parent", "1");
  take("parent", "2", "1");
  ASSERT_EQ(samepage({"stop", "parent"}).code, 0);
  EXPECT_EQ(samepage({"check", file("2")}).code, 0);
  {
    const UniqueFd fd(::open(file("1").c_str(), O_RDWR | O_CLOEXEC));
    // Somewhere in its data.
    const off_t data = ::lseek(fd.get(), 1 << 20, SEEK_DATA);
    ASSERT_GT(data, 0);
    std::byte byte{};
    ASSERT_EQ(::pread(fd.get(), &byte, 1, data), 1);
    byte ^= std::byte{1};
    ASSERT_EQ(::pwrite(fd.get(), &byte, 1, data), 1);
  }
  for (const char* name : {"1", "2"}) {
    expect_refused({"check", file(name)}, "it is damaged: the checksum of pages");
    expect_refused({"restore", file(name), "--detach", "--verify"}, "it is damaged: the checksum of pages");
  }
  EXPECT_TRUE(ask({"ps"}).empty());
}

}  // namespace
}  // namespace samepage::system_test
