// SPDX-License-Identifier: Apache-2.0
// samepaged on a socket that a service manager made: it is handed over when somebody connects, and stays.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <filesystem>
#include <functional>
#include <string>

#include "base/framing.hpp"
#include "base/unique_fd.hpp"
#include "dedup/listening_socket.hpp"
#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class Activation : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (directory_.empty()) return;
    kill_daemon();
    path_ = directory_ + "/managers.sock";
    ::setenv("SAMEPAGE_SOCKET", path_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("SAMEPAGE_SOCKET");
    Host::TearDown();
  }

  // As the service manager does it, who has the socket open all the time.
  int samepaged(dedup::Admission admission, Words arguments,
                const std::function<void(const Process&)>& meanwhile) {
    dedup::ListeningSocket socket(path_, admission);
    const UniqueFd listening = socket.take();
    arguments.insert(arguments.begin(), program("samepaged"));
    Process daemon(arguments, -1, -1, [fd = listening.get()] {
      // Where it is 3 already, the copy is the same descriptor, which exec() must not close.
      ::dup2(fd, 3);
      ::fcntl(3, F_SETFD, 0);
      ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
      ::setenv("LISTEN_FDS", "1", 1);
    });
    meanwhile(daemon);
    const int code = daemon.wait();
    EXPECT_TRUE(std::filesystem::is_socket(path_)) << "the socket is the manager's";
    return code;
  }

  std::string path_;
};

TEST_F(Activation, GuestsJoinAndTheSocketStaysWhenTheDaemonEnds) {
  const auto run_hello = [&] {
    const Finished hello = samepage({"run", "hello"});
    EXPECT_EQ(hello.code, 0) << hello.err;
  };
  EXPECT_EQ(
      samepaged(dedup::Admission::owner_only, {"--exit-when-idle"}, [&](const Process&) { run_hello(); }), 0);
  EXPECT_EQ(samepaged(dedup::Admission::everybody, {"--allow-others"},
                      [&](const Process& daemon) {
                        run_hello();
                        daemon.signal(SIGTERM);
                      }),
            0);
}

TEST_F(Activation, WhatDoesNotFitIsRefused) {
  const auto nothing = [](const Process&) {};
  EXPECT_EQ(samepaged(dedup::Admission::everybody, {}, nothing), 1);  // without --allow-others
  EXPECT_EQ(samepaged(dedup::Admission::owner_only, {"--socket", "/nowhere"}, nothing), 1);
}

}  // namespace
}  // namespace samepage::system_test
