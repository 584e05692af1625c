// SPDX-License-Identifier: Apache-2.0
// Guests' processes and the daemon are confined, and what a thread may not do ends its guest alone.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/check.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_line(const fs::path& status, const std::string& line) {
  return ("\n" + text_of(status)).find("\n" + line + "\n") != std::string::npos;
}

// Of a traced thread, when it has stopped or ended.
int status_when_stopped(pid_t thread) {
  int status = 0;
  wait_until("the traced thread stops",
             [&] { return check(::waitpid(thread, &status, __WALL | WNOHANG), "waitpid") == thread; });
  return status;
}

// The thread makes another system call in place of the one that it was about to make: what a program does
// that has taken it over.
void make_call(pid_t thread, long number) {
  check(::ptrace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD), "ptrace");
  check(::ptrace(PTRACE_INTERRUPT, thread, 0, 0), "ptrace");
  status_when_stopped(thread);
  for (;;) {
    check(::ptrace(PTRACE_SYSCALL, thread, 0, 0), "ptrace");
    const int status = status_when_stopped(thread);
    if (!WIFSTOPPED(status)) return;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) break;  // at a call's begin, or at its end
  }
  // At an end the number is not looked at any more: the next stop is a begin then.
  ::ptrace(PTRACE_POKEUSER, thread, offsetof(user, regs.orig_rax), number);
  check(::ptrace(PTRACE_SYSCALL, thread, 0, 0), "ptrace");
  const int status = status_when_stopped(thread);
  if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
    ::ptrace(PTRACE_POKEUSER, thread, offsetof(user, regs.orig_rax), number);
    ::ptrace(PTRACE_DETACH, thread, 0, 0);
  } else if (WIFSTOPPED(status)) {
    ::ptrace(PTRACE_DETACH, thread, 0, WSTOPSIG(status));
  }
}

class ConfinementTest : public Host {
 protected:
  pid_t pid_of(const std::string& guest) const { return guest_figures(guest).at("pid").get<pid_t>(); }

  static pid_t thread_of(pid_t process, const std::string& name) {
    for (const fs::directory_entry& task :
         fs::directory_iterator(fs::path("/proc") / std::to_string(process) / "task")) {
      if (text_of(task.path() / "comm") == name + "\n") return std::stoi(task.path().filename().string());
    }
    return -1;
  }
};

TEST_F(ConfinementTest, AGuestsProcessHasGivenUpWhatItDoesNotNeed) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--rng", "--confine", "on"});
  const fs::path tasks = fs::path("/proc") / std::to_string(pid_of("a")) / "task";
  int threads = 0;
  for (const fs::directory_entry& task : fs::directory_iterator(tasks)) {
    ++threads;
    const fs::path status = task.path() / "status";
    for (const char* line : {"NoNewPrivs:\t1", "Seccomp:\t2"}) {
      EXPECT_TRUE(has_line(status, line)) << text_of(task.path() / "comm") << line;
    }
    const bool none =
        has_line(status, "CapEff:\t0000000000000000") && has_line(status, "CapPrm:\t0000000000000000");
    // Where the limit on real-time priorities can't be raised.
    EXPECT_TRUE(none || has_line(status, "CapPrm:\t0000000000800000")) << text_of(status);
  }
  EXPECT_GE(threads, 4);
  EXPECT_EQ(guest_figures("a").at("confined"), "yes");
}

TEST_F(ConfinementTest, TheDaemonHasToo) {
  kill_daemon();
  const pid_t pid = start_daemon({"--confine", "on"});
  const fs::path status = fs::path("/proc") / std::to_string(pid) / "status";
  EXPECT_TRUE(has_line(status, "NoNewPrivs:\t1"));
  EXPECT_TRUE(has_line(status, "Seccomp:\t2"));
}

TEST_F(ConfinementTest, ItIsLeftOutUnlessItIsAskedFor) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M"});
  EXPECT_EQ(guest_figures("a").at("confined"), "no");
  EXPECT_TRUE(has_line(fs::path("/proc") / std::to_string(pid_of("a")) / "status", "Seccomp:\t0"));
}

// There is one of it for each guest.
TEST_F(ConfinementTest, TheOpenerTakesLittleMemory) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--confine", "on"});
  const std::string process = std::to_string(pid_of("a"));
  std::istringstream children(text_of(fs::path("/proc") / process / "task" / process / "children"));
  std::string opener;
  if (!(children >> opener)) GTEST_SKIP() << "the kernel does not tell a process's children";
  std::istringstream figures(text_of(fs::path("/proc") / opener / "smaps_rollup"));
  std::string word;
  while (figures >> word && word != "Pss_Anon:") {
  }
  std::uint64_t kib = 0;
  ASSERT_TRUE(figures >> kib);
  EXPECT_LE(kib, 64U);
}

// In each kind of thread.
TEST_F(ConfinementTest, AForbiddenCallEndsThatGuestAlone) {
  start("other", {"hello", "wait=1"}, {"--mem", "16M"});
  for (const std::string thread : {"samepage", "agent", "vcpu 0", "devices"}) {
    start("a", {"hello", "wait=1"}, {"--mem", "16M", "--rng", "--confine", "on"});
    const pid_t process = pid_of("a");
    pid_t tid = -1;  // a thread that has just been started has no name of its own yet
    wait_until(thread + " runs", [&] { return (tid = thread_of(process, thread)) > 0; });
    ASSERT_GT(tid, 0) << thread;
    try {
      make_call(tid, SYS_execve);
    } catch (const std::system_error& error) {
      GTEST_SKIP() << "no process may be traced here: " << error.what();
    }
    const nlohmann::json end = end_of("a");
    EXPECT_EQ(end.at("exit_code"), 125) << thread;
    EXPECT_NE(end.at("reason").get<std::string>().find("made the system call 'execve'"), std::string::npos)
        << end;
    EXPECT_EQ(guest_figures("other").at("state"), "running");
  }
}

}  // namespace
}  // namespace samepage::system_test
