// SPDX-License-Identifier: Apache-2.0
// What callers leave behind for a program of ours, in a child process for each test.
#include "base/process_setup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>

#include "tests/base/forked_child.hpp"

namespace samepage {
namespace {

// Whether `holds` does after prepare_process() in a child that `caller` has set up.
bool holds_after(const std::function<void()>& caller, const std::function<bool()>& holds) {
  const auto act = [&](int) {
    caller();
    prepare_process();
    return holds() ? 0 : 1;
  };
  return in_child(act).code == 0;
}

void ignore(int signal) {
  std::signal(signal, SIG_IGN);
}

TEST(ProcessSetup, WhatTheCallerIgnoresStaysIgnored) {
  EXPECT_TRUE(holds_after([] { ignore(SIGHUP); },
                          [] {
                            const auto signals = stop_signals();
                            return is_ignored(SIGHUP) &&
                                   std::count(signals.begin(), signals.end(), SIGHUP) == 0 &&
                                   signals.size() == 2;
                          }));
  EXPECT_TRUE(holds_after([] {}, [] { return stop_signals().size() == 3; }));
}

TEST(ProcessSetup, AChildsEndCanBeWaitedForWhateverTheCallerDoesWithSigchld) {
  EXPECT_TRUE(holds_after([] { ignore(SIGCHLD); },
                          [] {
                            const pid_t child = ::fork();
                            if (child == 0) ::_exit(7);
                            int status = 0;
                            return ::waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7;
                          }));
}

TEST(ProcessSetup, NoSignalStaysBlocked) {
  const auto block_all = [] {
    sigset_t all{};
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
  };
  EXPECT_TRUE(holds_after(block_all, [] {
    sigset_t now{};
    ::sigprocmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, SIGTERM) == 0 && sigismember(&now, SIGBUS) == 0;
  }));
}

TEST(ProcessSetup, AWriteThatIsNotPossibleFailsAndEndsNothing) {
  const auto limit_files = [] {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  };
  EXPECT_TRUE(holds_after(limit_files, [] {
    char path[] = "/tmp/samepage-setup-XXXXXX";
    const int file = ::mkstemp(path);
    ::unlink(path);
    return ::pwrite(file, "x", 1, 4096) < 0 && errno == EFBIG;
  }));
  EXPECT_TRUE(holds_after([] {},
                          [] {
                            int ends[2];
                            if (::pipe(ends) != 0) return false;
                            ::close(ends[0]);
                            return ::write(ends[1], "x", 1) < 0 && errno == EPIPE;
                          }));
}

TEST(ProcessSetup, TheSoftLimitOnDescriptorsIsRaised) {
  const auto lower = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 32);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  };
  EXPECT_TRUE(holds_after(lower, [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur == limit.rlim_max;
  }));
}

TEST(ProcessSetup, AClosedStandardStreamIsFilledAndTakesNothing) {
  const auto close_two = [] {
    ::close(0);
    ::close(1);
  };
  EXPECT_TRUE(holds_after(close_two, [] {
    const int next = ::open("/dev/null", O_RDONLY);
    char byte = 0;
    return next > 2 && ::write(1, "x", 1) < 0 && ::read(0, &byte, 1) < 0;
  }));
}

}  // namespace
}  // namespace samepage
