// SPDX-License-Identifier: Apache-2.0
// Figures beside the kernel's own, where docs/manual.md says that they are.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

namespace fs = std::filesystem;

std::uint64_t number(const nlohmann::json& from, const char* key) {
  return from.at(key).get<std::uint64_t>();
}

template <typename Look>
void for_each_thread(pid_t pid, Look look) {
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) look(task.path());
}

bool is_stopped(pid_t pid) {
  bool stopped = true;
  for_each_thread(pid, [&](const fs::path& task) {
    std::string text;
    std::getline(std::ifstream(task / "stat"), text);
    const std::size_t name_end = text.rfind(')');  // then a blank and the state
    stopped = stopped && name_end + 2 < text.size() && text[name_end + 2] == 'T';
  });
  return stopped;
}

// Of threads with these names, in microseconds.
std::uint64_t processor_time(pid_t pid, const std::set<std::string>& threads) {
  std::uint64_t ns = 0;
  for_each_thread(pid, [&](const fs::path& task) {
    std::string name;
    std::getline(std::ifstream(task / "comm"), name);
    std::uint64_t of_task = 0;
    if (threads.contains(name) && std::ifstream(task / "schedstat") >> of_task) ns += of_task;
  });
  return ns / 1000;
}

const std::set<std::string> agent{"agent", "agent merging"}, vcpu{"vcpu 0"};

class KernelFigures : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped()) return;
    merge_fast();
    for (const char* name : {"a", "b"}) {
      start(name, {"fill", "common=700", "zero=50", "own=20"});
      wait_for_line(name, "ready");
    }
    settle();
  }
  struct Times {
    std::uint64_t agent, vcpu;
  };
  // While it stands still: of a thread that runs, the kernel's figure is as old as its last tick.
  static Times kernels(pid_t pid) {
    ::kill(pid, SIGSTOP);
    wait_until("the guest's process has stopped", [&] { return is_stopped(pid); });
    const Times times{processor_time(pid, agent), processor_time(pid, vcpu)};
    ::kill(pid, SIGCONT);
    return times;
  }
};

TEST_F(KernelFigures, FramesAreTheBlocksOfTheStores) {
  const auto blocks = [&] {
    std::uint64_t bytes = 0;
    for (const auto& fd : fs::directory_iterator("/proc/" + std::to_string(daemon_) + "/fd")) {
      struct stat info {};
      std::error_code gone;
      if (fs::read_symlink(fd.path(), gone).string().find("samepage-frames") == std::string::npos) continue;
      if (::stat(fd.path().c_str(), &info) == 0) bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
    return bytes;
  };
  if (::access(("/proc/" + std::to_string(daemon_) + "/fd").c_str(), R_OK) != 0) {
    GTEST_SKIP() << "only root may look at the daemon's descriptors here";
  }
  wait_until("both are the same", [&] { return figure("pages_shared") * 4096 == blocks(); });
  EXPECT_GE(blocks(), 700U * 4096);
}

// The kernel's goes on between a look at it and a look at ours, so ours is between two of the kernel's.
TEST_F(KernelFigures, ProcessorTimeIsThatOfTheThreads) {
  const auto pid = guest_figures("a").at("pid").get<pid_t>();
  const Times before = kernels(pid);
  if (before.agent == 0) GTEST_SKIP() << "this kernel does not tell how long threads have run";
  // Told after a pass.
  wait_until("a pass has told its time",
             [&] { return number(guest_figures("a"), "merge_cpu_us") >= before.agent; });
  const nlohmann::json figures = guest_figures("a");
  const std::uint64_t of_vcpu = number(figures.at("vcpus").at(0), "cpu_us");
  const Times after = kernels(pid);
  EXPECT_LE(number(figures, "merge_cpu_us"), after.agent);
  EXPECT_GE(of_vcpu, before.vcpu);
  EXPECT_LE(of_vcpu, after.vcpu);
}

}  // namespace
}  // namespace samepage::system_test
