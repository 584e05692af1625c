// SPDX-License-Identifier: Apache-2.0
// What callers leave behind for a program that they start: ignored signals, limits, open descriptors, and
// system calls that are refused.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class SurroundingsOfARun : public Host {
 protected:
  static Words words(const Words& options, const Words& guest = {"hello", "--", "wait=1"}) {
    Words all{program("samepage"), "run", "--mem", "16M"};
    all.insert(all.end(), options.begin(), options.end());
    all.insert(all.end(), guest.begin(), guest.end());
    return all;
  }
  static Surroundings limit(__rlimit_resource resource, rlim_t soft) {
    return [=] {
      rlimit limit{};
      ::getrlimit(resource, &limit);
      limit.rlim_cur = soft;
      ::setrlimit(resource, &limit);
    };
  }
  nlohmann::json only_guest() const {
    const nlohmann::json guests = ask({"ps"});
    return guests.size() == 1 ? guests[0] : nlohmann::json::object();
  }
};

TEST_F(SurroundingsOfARun, ASignalThatTheCallerIgnoresIsIgnored) {
  Process guest(words({"--name", "g"}), -1, -1, [] { std::signal(SIGHUP, SIG_IGN); });
  wait_until("it runs", [&] { return only_guest().value("state", "") == "running"; });
  guest.signal(SIGHUP);
  // A guest that is about to end may answer once more.
  for (int look = 0; look < 2; ++look) EXPECT_EQ(only_guest().value("state", ""), "running");
  guest.signal(SIGTERM);
  EXPECT_EQ(guest.wait(), 128 + SIGTERM);
}

TEST_F(SurroundingsOfARun, GuestsEndWhereTheCallerIgnoresSigchld) {
  Process guests(words({"--count", "2"}, {"hello", "--", "exit=3"}), -1, -1,
                 [] { std::signal(SIGCHLD, SIG_IGN); });
  EXPECT_EQ(guests.wait(), 3);
}

TEST_F(SurroundingsOfARun, AGuestIsHeldWhereNoSignalCanBeQueued) {
  // It idles: nothing but a kick makes it leave the kernel.
  Process start(words({"--detach", "--name", "g"}), -1, -1, limit(RLIMIT_SIGPENDING, 0));
  ASSERT_EQ(start.wait(), 0);
  wait_for_line("g", "hello from samepage: 1 CPU, 16 MiB of RAM");
  for (const char* verb : {"pause", "resume", "stop"}) EXPECT_EQ(samepage({verb, "g"}).code, 0) << verb;
}

TEST_F(SurroundingsOfARun, ALimitOnFileSizesFailsADumpAndNotTheGuest) {
  Process start(words({"--detach", "--name", "g"}), -1, -1, limit(RLIMIT_FSIZE, 1 << 20));
  ASSERT_EQ(start.wait(), 0);
  EXPECT_EQ(samepage({"dump", "g", directory_ + "/g.ram"}).code, 1);
  EXPECT_EQ(only_guest().value("state", ""), "running");
}

TEST_F(SurroundingsOfARun, MoreGuestsRunThanTheSoftLimitOnDescriptorsHasRoomFor) {
  Process guests(words({"--count", "8"}, {"hello"}), -1, -1, limit(RLIMIT_NOFILE, 16));
  EXPECT_EQ(guests.wait(), 0);
}

TEST_F(SurroundingsOfARun, NothingThatTheCallerHasOpenStaysOpen) {
  Pipe held = make_pipe();
  const std::string socket = directory_ + "/own.sock";
  Process start(words({"--detach", "--name", "g"}), -1, -1, [&] {
    ::fcntl(held.writing.get(), F_SETFD, 0);
    ::setenv("SAMEPAGE_SOCKET", socket.c_str(), 1);  // a daemon is started as well
  });
  ASSERT_EQ(start.wait(), 0);
  held.writing.reset();
  pollfd end{held.reading.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 1) << "somebody has the caller's pipe open still";
}

TEST_F(SurroundingsOfARun, ADetachedGuestsProcessIsCalledWhatItIs) {
  start("g", {"hello", "wait=1"}, {"--mem", "16M"});
  std::ifstream comm("/proc/" + std::to_string(only_guest().at("pid").get<pid_t>()) + "/comm");
  std::string name;
  std::getline(comm, name);
  EXPECT_EQ(name, "samepage");
}

TEST_F(SurroundingsOfARun, ADetachedGuestsProcessShowsItsNameImageAndWords) {
  start("g", {"hello", "wait=1"}, {"--mem", "16M"});
  std::ifstream file("/proc/" + std::to_string(only_guest().at("pid").get<pid_t>()) + "/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  ASSERT_GE(words.size(), 6U);
  EXPECT_EQ(words.front(), "samepage");
  EXPECT_EQ(std::vector<std::string>(words.end() - 5, words.end()),
            (std::vector<std::string>{"--name", "g", "hello", "--", "wait=1"}));
}

// As a container's seccomp profile from before Linux 5.3 does it.
void refuse_pidfds() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{4, filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    ::_exit(126);
  }
}

TEST_F(SurroundingsOfARun, NoGuestStaysWhereProcessesCanNotBeWatched) {
  Pipe err = make_pipe();
  Process start(words({"--detach", "--name", "g"}), -1, err.writing.get(), refuse_pidfds);
  const int code = start.wait();
  if (code == 126) GTEST_SKIP() << "no seccomp filters here";
  err.writing.reset();
  EXPECT_EQ(code, 1);
  EXPECT_NE(read_to_end(err.reading.get()).find("pidfd_open"), std::string::npos);
  EXPECT_TRUE(ask({"ps"}).empty());
  EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace samepage::system_test
