// SPDX-License-Identifier: Apache-2.0
// A confined process and its opener: what is in the policy is opened, all else refused, and nobody else can
// tell that the thread did not open it itself.
#include "vmm/process/opener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/temporary_directory.hpp"
#include "tests/base/confined_process.hpp"
#include "tests/base/wait_until.hpp"
#include "vmm/process/guest_calls.hpp"

namespace samepage::vmm {
namespace {

constexpr int cannot_be_tried = 77;

class OpenerTest : public testing::Test {
 protected:
  /// Does `act` in a process that is confined as a guest's, with an opener; it returns what is wrong.
  void confined(const std::function<std::vector<std::string>()>& act,
                const std::vector<std::string>& start = {}) {
    const Ended ended = in_child([&](int said) {
      const std::string& place = directory_.path();
      Opener opener({"web-1", place, place, place + "/log", "/tmp",
                     start.empty() ? "" : place + "/samepaged.sock", start});
      if (!opener.can_answer()) return cannot_be_tried;
      give_up_privileges();
      prepare_confinement({guest_calls(), guest_threads, ThreadKind::control, Asking::by_rule, say_it(said),
                           0, "nobody told", code_of_forbidden});
      opener.serve(confine_main_thread());
      if (!start.empty()) opener.start_daemon();
      const std::vector<std::string> wrong = act();
      for (const std::string& text : wrong) {
        if (::write(said, (text + "\n").c_str(), text.size() + 1) < 0) return 97;
      }
      return wrong.empty() ? 0 : 1;
    });
    if (ended.code == cannot_be_tried) GTEST_SKIP() << "no process may look into another one here";
    EXPECT_EQ(ended.code, 0) << ended.said;
  }

  TemporaryDirectory directory_;
};

TEST_F(OpenerTest, OpensWhatTheKernelTells) {
  confined([] {
    std::vector<std::string> wrong;
    for (const char* path : {"/proc/self/maps", "/proc/self/status", "/proc/meminfo"}) {
      std::ifstream file(path);
      std::string line;
      if (!std::getline(file, line)) wrong.push_back(path);
    }
    std::ifstream status("/proc/self/status");
    std::string text{std::istreambuf_iterator<char>(status), {}};
    // Of the process that asked, not of the opener.
    if (text.find("\nPid:\t" + std::to_string(::getpid()) + "\n") == std::string::npos) wrong.push_back(text);
    if (text.find("\nNoNewPrivs:\t1\n") == std::string::npos) wrong.push_back("new privileges");
    if (text.find("\nCapEff:\t0000000000000000\n") == std::string::npos &&
        text.find("\nCapEff:\t0000000000800000\n") == std::string::npos) {
      wrong.push_back("capabilities");
    }
    return wrong;
  });
}

TEST_F(OpenerTest, RefusesAllElseAndTheProcessGoesOn) {
  confined([this] {
    std::vector<std::string> wrong;
    const auto refused = [&](const char* path, int flags) {
      if (::open(path, flags, 0600) >= 0 || errno != EACCES) wrong.emplace_back(path);
    };
    refused("/etc/passwd", O_RDONLY);
    refused("/proc/self/mem", O_RDWR);
    refused("/proc/1/environ", O_RDONLY);
    refused((directory_.path() + "/new").c_str(), O_WRONLY | O_CREAT);
    if (::unlink("/nowhere") == 0 || errno != EACCES) wrong.emplace_back("unlink");
    if (::rename("/nowhere", "/elsewhere") == 0 || errno != EACCES) wrong.emplace_back("rename");
    return wrong;
  });
}

// What keeps a guest's process from writing to a frame store, also as the daemon's own user.
TEST_F(OpenerTest, ADescriptorToReadDoesNotBecomeOneToWrite) {
  const int store = ::memfd_create("store", MFD_CLOEXEC);
  ASSERT_GE(store, 0);
  const std::string path = "/proc/self/fd/" + std::to_string(store);
  const int to_read = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(to_read, 0);
  confined([&] {
    std::vector<std::string> wrong;
    const std::string again = "/proc/self/fd/" + std::to_string(to_read);
    if (::open(again.c_str(), O_RDWR) >= 0 || errno != EACCES) wrong.emplace_back("opened to write");
    if (::open(again.c_str(), O_WRONLY | O_NONBLOCK) >= 0 || errno != EACCES) wrong.emplace_back("to write");
    if (::open(again.c_str(), O_RDONLY | O_CLOEXEC) < 0) wrong.emplace_back("not opened to read");
    return wrong;
  });
}

TEST_F(OpenerTest, WritesTheRecordAndFilesWithoutNames) {
  confined([this] {
    std::vector<std::string> wrong;
    const std::string records = directory_.path() + "/ended";
    const std::string pending = records + "/.web-1." + std::to_string(::getpid());
    if (::mkdir(records.c_str(), 0700) != 0) wrong.emplace_back("mkdir");
    std::ofstream(pending) << "how it ended";
    if (::rename(pending.c_str(), (records + "/web-1").c_str()) != 0) wrong.emplace_back("rename");
    if (std::distance(std::filesystem::directory_iterator(records), {}) != 1) wrong.emplace_back("the list");
    if (::open("/tmp", O_TMPFILE | O_RDWR, 0600) < 0) wrong.emplace_back("a temporary file");
    return wrong;
  });
  std::string text;
  std::getline(std::ifstream(directory_.path() + "/ended/web-1"), text);
  EXPECT_EQ(text, "how it ended");
}

TEST_F(OpenerTest, StartsADaemon) {
  const std::string mark = directory_.path() + "/started";
  confined(
      [&] {
        const auto end = std::chrono::steady_clock::now() + longest_wait / 2;  // the parent waits for us
        while (::access(mark.c_str(), F_OK) != 0 && std::chrono::steady_clock::now() < end)
          ::poll(nullptr, 0, 5);
        return std::vector<std::string>(::access(mark.c_str(), F_OK) == 0 ? 0 : 1, "no daemon was started");
      },
      {"/bin/sh", "-c", ": > \"$0\"", mark});
}

}  // namespace
}  // namespace samepage::vmm
