// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_input.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/pipe.hpp"
#include "tests/base/forked_child.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::vmm {
namespace {

using Wish = ConsoleInput::Wish;

// A guest that takes so many bytes.
class ConsoleInputTest : public testing::Test {
 protected:
  ConsoleInput::Sink guest() {
    return [this](std::span<const std::byte> input) {
      const std::size_t taken = std::min(input.size(), room_);
      for (const std::byte byte : input.first(taken)) got_ += static_cast<char>(byte);
      room_ -= taken;
      return taken;
    };
  }
  // One turn of a poll loop that waits for nothing.
  static Wish turn(ConsoleInput& input) {
    std::vector<pollfd> waits;
    input.add_waits(waits);
    EXPECT_EQ(waits.size(), 1U);
    check(::poll(waits.data(), waits.size(), 0), "poll");
    return input.serve(waits[0].revents);
  }
  static bool listens(const ConsoleInput& input) {
    std::vector<pollfd> waits;
    input.add_waits(waits);
    return waits[0].fd >= 0;
  }
  static void type(int fd, std::string_view keys) {
    ASSERT_EQ(::write(fd, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  std::size_t room_ = 1000;
  std::string got_;
};

class ConsoleInputPipe : public ConsoleInputTest {
 protected:
  ConsoleInputPipe() {
    Pipe pipe = make_pipe();
    reading_ = std::move(pipe.reading);
    writing_ = std::move(pipe.writing);
  }
  UniqueFd reading_, writing_;
};

TEST_F(ConsoleInputPipe, CarriesEveryByteUntilItsEnd) {
  ConsoleInput input(reading_.get(), -1, EscapeKey(), guest());
  EXPECT_TRUE(input.may_be_a_dialogue());
  EXPECT_EQ(turn(input), Wish::none) << "there is nothing to read, and nobody waits for it";
  type(writing_.get(), "a\x1d\x03z");
  EXPECT_EQ(turn(input), Wish::none) << "keys have a meaning on a terminal alone";
  EXPECT_EQ(got_, "a\x1d\x03z");
  writing_.reset();
  EXPECT_EQ(turn(input), Wish::none);
  EXPECT_FALSE(listens(input));
  EXPECT_EQ(input.longest_wait(), -1);
}

TEST_F(ConsoleInputPipe, WhatTheGuestDoesNotTakeWaits) {
  room_ = 2;
  ConsoleInput input(reading_.get(), -1, EscapeKey(), guest());
  type(writing_.get(), "abcdef");
  turn(input);
  EXPECT_EQ(got_, "ab");
  EXPECT_FALSE(listens(input)) << "what follows stays in the pipe";
  room_ = 100;
  turn(input);
  EXPECT_EQ(got_, "abcdef");
  EXPECT_TRUE(listens(input));
}

TEST_F(ConsoleInputTest, ReadsASocket) {
  const auto [theirs, ours] = connected_sockets();
  ConsoleInput input(ours.get(), -1, EscapeKey(), guest());
  turn(input);
  type(theirs.get(), "abc");
  turn(input);
  EXPECT_EQ(got_, "abc");
}

TEST_F(ConsoleInputTest, WithoutInputNothingIsWaitedFor) {
  ConsoleInput none(-1, -1, EscapeKey(), guest());
  EXPECT_FALSE(listens(none));
  const UniqueFd null = checked_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC), "open");
  ConsoleInput empty(null.get(), -1, EscapeKey(), guest());
  EXPECT_FALSE(empty.may_be_a_dialogue());
  turn(empty);
  EXPECT_FALSE(listens(empty));
}

class ConsoleInputTerminal : public ConsoleInputTest {
 protected:
  ConsoleInputTerminal() {
    int master = -1;
    int slave = -1;
    check(::openpty(&master, &slave, nullptr, nullptr, nullptr), "openpty");
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
  }
  [[nodiscard]] bool is_raw() const {
    termios modes{};
    check(::tcgetattr(slave_.get(), &modes), "tcgetattr");
    return (modes.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }
  UniqueFd master_, slave_;
};

TEST_F(ConsoleInputTerminal, IsRawWhileItIsReadAndKeysLeadOutOfIt) {
  {
    ConsoleInput input(slave_.get(), slave_.get(), EscapeKey(), guest());
    EXPECT_TRUE(is_raw());
    type(master_.get(), "ls\r\x03");
    EXPECT_EQ(turn(input), Wish::interrupt);
    type(master_.get(), "\x03");
    EXPECT_EQ(turn(input), Wish::none) << "said once";
    type(master_.get(), "x\x1dy");
    EXPECT_EQ(turn(input), Wish::end_guest);
    EXPECT_EQ(got_, "ls\r\x03\x03x");
  }
  EXPECT_FALSE(is_raw());
}

TEST_F(ConsoleInputTerminal, TheEscapeKeyIsSeenWhenTheGuestReadsNothing) {
  room_ = 0;
  ConsoleInput input(slave_.get(), slave_.get(), EscapeKey(), guest());
  type(master_.get(), "is anybody there?");
  EXPECT_EQ(turn(input), Wish::none);
  type(master_.get(), "\x1d");
  EXPECT_EQ(turn(input), Wish::end_guest);
}

TEST_F(ConsoleInputTerminal, WhoReadsAPipedOutputHasTheTerminal) {
  const UniqueFd pipe = checked_fd(::open("/dev/null", O_WRONLY | O_CLOEXEC), "open");
  ConsoleInput input(slave_.get(), pipe.get(), EscapeKey(), guest());
  EXPECT_FALSE(is_raw());
  EXPECT_FALSE(listens(input));
}

TEST_F(ConsoleInputTerminal, ASignalThatEndsTheProcessPutsItBack) {
  for (const int signal : {SIGQUIT, SIGABRT, SIGSEGV}) {
    const auto die_of_it = [&](int) {
      ::signal(signal, SIG_DFL);  // a sanitizer has handlers of its own
      const RawTerminal raw(slave_.get());
      if (is_raw()) ::raise(signal);
      return 1;
    };
    EXPECT_EQ(in_child(die_of_it).code, 128 + signal);
    EXPECT_FALSE(is_raw()) << signal;
  }
}

}  // namespace
}  // namespace samepage::vmm
