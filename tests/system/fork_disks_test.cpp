// SPDX-License-Identifier: Apache-2.0
// Disks and persistent memory of guests that are forked, saved, restored and put back. The guest `disk` knows
// what each block and page has to hold, and ends at the first that does not: its RAM says so, which goes
// wherever the guest goes.
#include <sys/mount.h>
#include <sys/resource.h>
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

namespace fs = std::filesystem;

class ForkDisks : public Host {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] std::string make_file(const std::string& name, std::uintmax_t bytes = 1U << 20U) const {
    std::ofstream(file(name)) << "what the file begins with";
    fs::resize_file(file(name), bytes);
    return file(name);
  }
  void start_disk(const std::string& name, const std::string& access) const {
    start(name, {"disk", "blocks=200"}, {"--mem", "16M", "--disk", make_file(name + ".img") + "," + access});
    wait_for_line(name, "ready");
  }
  [[nodiscard]] std::uint64_t writes(const std::string& guest) const {
    return guest_figures(guest).at("disks").at(0).at("write_requests").get<std::uint64_t>();
  }
  void expect_sound(const std::string& guest) const {
    const std::uint64_t before = writes(guest);
    wait_until(guest + " writes", [&] {
      return log_of(guest).find("FAILED") != std::string::npos || writes(guest) >= before + 15;
    });
    EXPECT_EQ(log_of(guest).find("FAILED"), std::string::npos) << guest << ": " << log_of(guest);
  }
  void expect_refused(const Words& command, const std::string& why) const {
    const Finished result = samepage(command);
    EXPECT_EQ(result.code, 1) << result.out;
    EXPECT_NE(result.err.find(why), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  [[nodiscard]] std::size_t guests() const { return ask({"ps"}).size(); }
  /// Beside the files of the test itself.
  void expect_nothing_left() const {
    for (const auto& entry : fs::directory_iterator(directory_)) {
      const std::string kind = entry.path().extension().string();
      if (kind == ".img" || kind == ".snap") fs::remove(entry.path());
    }
    EXPECT_EQ(leftovers(), std::vector<std::string>{});
  }
  /// Names in the directory that a command which did not come to its end would leave.
  [[nodiscard]] std::vector<std::string> half_made(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".samepage-") || name.ends_with(".snap")) names.push_back(name);
    }
    return names;
  }
};

TEST_F(ForkDisks, WhatAGuestHasWrittenGoesWithItAndNobodySeesAnothersWrites) {
  const std::string disk = make_file("disk.img");
  const std::string pmem = make_file("pmem.img", 64U * 4096);
  start("parent", {"disk", "blocks=200", "pmem=0xd0000000"},
        {"--mem", "16M", "--disk", disk, "--pmem", pmem + ",private,address=0xd0000000"});
  wait_for_line("parent", "ready");
  expect_sound("parent");
  ask({"fork", "parent", "--count", "2"});
  for (const char* guest : {"parent", "parent-1", "parent-2"}) expect_sound(guest);
  ASSERT_EQ(samepage({"stop", "parent-2"}).code, 0);
  // A clone of a clone, and a second one of the parent.
  ask({"fork", "parent-1", "--name", "grandchild"});
  ask({"fork", "parent", "--name", "late"});
  for (const char* guest : {"grandchild", "late", "parent", "parent-1"}) expect_sound(guest);
  for (int round = 0; round < 2; ++round) {
    ask({"rollback", "parent-1"});
    expect_sound("parent-1");
  }
  ask({"rollback", "grandchild"});
  expect_sound("grandchild");
  ask({"snapshot", "grandchild", file("one.snap")});
  for (const char* guest : {"parent", "parent-1", "grandchild", "late"}) {
    expect_sound(guest);
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
  const Finished restored = samepage({"restore", file("one.snap"), "--count", "2", "--detach"});
  EXPECT_EQ(restored.out, "grandchild-1\ngrandchild-2\n") << restored.err;
  for (const char* guest : {"grandchild-1", "grandchild-2"}) expect_sound(guest);
  ask({"rollback", "grandchild-1"});
  ask({"snapshot", "grandchild-2", file("two.snap")});
  for (const char* guest : {"grandchild-1", "grandchild-2"}) {
    expect_sound(guest);
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
  ASSERT_EQ(samepage({"restore", file("two.snap"), "--detach", "--name", "last"}).code, 0);
  expect_sound("last");
  EXPECT_EQ(samepage({"stop", "last"}).code, 0);
  for (const std::string& path : {disk, pmem}) {
    std::string content(25, '\0');
    std::ifstream(path).read(content.data(), 25);
    EXPECT_EQ(content, "what the file begins with") << path;
  }
}

// So often that requests are under way at many of the moments.
TEST_F(ForkDisks, RequestsThatAreUnderWayAreCarriedOutInParentAndClone) {
  const std::string disk = make_file("disk.img");
  start("parent", {"disk", "blocks=200", "pause_us=1"}, {"--mem", "16M", "--disk", disk});
  wait_for_line("parent", "ready");
  for (int round = 0; round < 6; ++round) {
    ask({"fork", "parent", "--name", "clone"});
    for (int again = 0; again < 3; ++again) ask({"rollback", "clone"});
    expect_sound("clone");
    EXPECT_EQ(samepage({"stop", "clone"}).code, 0);
  }
  expect_sound("parent");
}

TEST_F(ForkDisks, ADiskOfTheGuestsOwnHasToBeNamedAnew) {
  start_disk("parent", "rw");
  const std::string disk = file("parent.img");
  expect_refused({"fork", "parent"}, disk);
  expect_refused({"snapshot", "parent", file("one.snap")}, "--without-rw-disks");
  EXPECT_EQ(half_made(directory_), std::vector<std::string>{});
  ASSERT_EQ(samepage({"pause", "parent"}).code, 0);
  const std::string copy = file("copy.img");
  fs::copy_file(disk, copy);
  ask({"snapshot", "parent", file("one.snap"), "--without-rw-disks"});
  expect_refused({"fork", "parent", "--disk", copy + ",ro"}, "as 'rw'");
  expect_refused({"fork", "parent", "--disk", copy + ",rw", "--disk", copy + ",rw"}, "has 1 files");
  expect_refused({"fork", "parent", "--disk", copy + ",rw", "--count", "2"}, "several guests");
  expect_refused({"fork", "parent", "--disk", disk + ",rw"}, "another guest uses it");
  EXPECT_EQ(guests(), 1U);
  ask({"fork", "parent", "--count", "2", "--disk", copy});
  for (const char* guest : {"parent-1", "parent-2"}) expect_sound(guest);
  ask({"rollback", "parent-1"});
  for (const char* guest : {"parent-1", "parent-2"}) {
    expect_sound(guest);
    ASSERT_EQ(samepage({"stop", guest}).code, 0);
  }
  expect_refused({"restore", file("one.snap"), "--detach"}, "name a copy");
  ASSERT_EQ(samepage({"restore", file("one.snap"), "--detach", "--name", "own", "--disk", copy + ",rw"}).code,
            0);
  expect_sound("own");
  expect_refused({"rollback", "own"}, "can't be put back");
  ASSERT_EQ(samepage({"resume", "parent"}).code, 0);
  for (const char* guest : {"parent", "own"}) {
    expect_sound(guest);
    EXPECT_EQ(samepage({"stop", guest}).code, 0);
  }
}

TEST_F(ForkDisks, AFileThatIsNotWhatItWasIsRefusedInOneLine) {
  start_disk("parent", "overlay");
  const std::string disk = file("parent.img");
  const std::string snapshot = file("one.snap");
  ask({"snapshot", "parent", snapshot});
  ASSERT_EQ(samepage({"stop", "parent"}).code, 0);
  const Words restore{"restore", snapshot, "--detach"};
  fs::rename(disk, file("moved.img"));
  expect_refused(restore, disk + ": No such file or directory");
  std::ofstream(disk) << std::string(1U << 20U, 'x');
  expect_refused(restore, "it was changed since the guest was saved");
  fs::resize_file(disk, 1U << 19U);
  expect_refused(restore, "with a file of 1048576 bytes");
  expect_refused({"restore", snapshot, "--detach", "--disk", disk}, "another size");
  EXPECT_EQ(guests(), 0U);
  Words elsewhere = restore;
  elsewhere.insert(elsewhere.end(), {"--disk", file("moved.img")});
  ASSERT_EQ(samepage(elsewhere).code, 0);
  expect_sound("parent-1");
  EXPECT_EQ(samepage({"stop", "parent-1"}).code, 0);

  // One byte of what it wrote: behind the memory.
  std::fstream bytes(snapshot, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(4096 + (16U << 20U) + 100);
  bytes.put('x');
  bytes.close();
  expect_refused(elsewhere, "checksum of what is on its disks");
  expect_nothing_left();
}

// A limit of the guest's process stands for a disk without room: it fails at any place of the file.
TEST_F(ForkDisks, WithoutRoomThereIsNeitherASnapshotNorAClone) {
  start("parent", {"fill", "own=500", "verify=1"}, {"--mem", "16M"});
  wait_for_line("parent", "verified");
  const auto pid = guest_figures("parent").at("pid").get<pid_t>();
  rlimit limit{};
  ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, nullptr, &limit), 0);
  const std::string snapshot = file("one.snap");
  for (const rlim_t room :
       {rlim_t{0}, rlim_t{1} << 20U, rlim_t{16} << 20U, (rlim_t{16} << 20U) + 4096 + 10}) {
    const rlimit small{room, limit.rlim_max};
    ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &small, nullptr), 0);
    expect_refused({"snapshot", "parent", snapshot}, "File too large");
    EXPECT_EQ(half_made(directory_), std::vector<std::string>{});
    if (room < rlim_t{16} << 20U) expect_refused({"fork", "parent"}, "File too large");
    EXPECT_EQ(guests(), 1U);
  }
  ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
  ask({"snapshot", "parent", snapshot});
  ask({"fork", "parent"});
  EXPECT_EQ(guest_figures("parent-1").at("state"), "running");
  EXPECT_EQ(guest_figures("parent").at("state"), "running");
}

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    fs::create_directory(path_);
    there_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (there_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  explicit operator bool() const { return there_; }

 private:
  std::string path_;
  bool there_ = false;
};

TEST_F(ForkDisks, AFullDiskIsOneLineAndWhatWasThereStays) {
  const SmallDisk small(file("small"));
  if (!small) GTEST_SKIP() << "mounting a file system needs root";
  start("parent", {"fill", "own=500", "verify=1"}, {"--mem", "16M"});
  wait_for_line("parent", "verified");
  std::ofstream(file("small/there")) << "what was there";
  expect_refused({"snapshot", "parent", file("small/there")}, "No space left on device");
  expect_refused({"snapshot", "parent", file("small/one.snap")}, "No space left on device");
  EXPECT_EQ(half_made(file("small")), std::vector<std::string>{});
  std::string content;
  std::getline(std::ifstream(file("small/there")), content);
  EXPECT_EQ(content, "what was there");
  EXPECT_EQ(guest_figures("parent").at("state"), "running");
  EXPECT_EQ(samepage({"stop", "parent"}).code, 0);
}

TEST_F(ForkDisks, AGuestThatEndsMeanwhileLeavesNoSnapshotOrAWholeOne) {
  for (int round = 0; round < 6; ++round) {
    start_disk("parent", "overlay");
    const auto pid = guest_figures("parent").at("pid").get<pid_t>();
    const std::string path = file("one.snap");
    Process snapshot({program("samepage"), "snapshot", "parent", path}, -1, -1);
    const auto at = std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * round);
    while (std::chrono::steady_clock::now() < at) std::this_thread::yield();
    ::kill(pid, round % 2 == 0 ? SIGKILL : SIGTERM);
    const int code = snapshot.wait();
    wait_until("the parent is gone", [&] { return guests() == 0; });
    EXPECT_TRUE(code == 0 || code == 1) << code;
    EXPECT_EQ(half_made(directory_).size(), code == 0 ? 1U : 0U);
    if (code != 0) continue;
    ASSERT_EQ(samepage({"restore", path, "--detach", "--name", "restored"}).code, 0);
    expect_sound("restored");
    EXPECT_EQ(samepage({"stop", "restored"}).code, 0);
    fs::remove(path);
  }
  expect_nothing_left();
}

}  // namespace
}  // namespace samepage::system_test
