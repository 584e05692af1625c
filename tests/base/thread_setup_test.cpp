// SPDX-License-Identifier: Apache-2.0
#include "base/thread_setup.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <csignal>
#include <initializer_list>
#include <string>
#include <thread>

namespace samepage {
namespace {

TEST(ThreadSetup, AThreadHasANameAndLeavesSignalsToOthers) {
  std::thread([] {
    prepare_thread("fifteen letters");
    std::array<char, 16> name{};
    ASSERT_EQ(::pthread_getname_np(::pthread_self(), name.data(), name.size()), 0);
    EXPECT_EQ(std::string(name.data()), "fifteen letters");
    sigset_t blocked;
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &blocked), 0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGURG})
      EXPECT_EQ(sigismember(&blocked, signal), 1);
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT}) EXPECT_EQ(sigismember(&blocked, signal), 0);
  }).join();
}

}  // namespace
}  // namespace samepage
