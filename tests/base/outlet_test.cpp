// SPDX-License-Identifier: Apache-2.0
// Streams that nobody reads, that are slow, full or gone.
#include "base/outlet.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "base/event_fd.hpp"
#include "base/pipe.hpp"

namespace samepage {
namespace {

const std::string much(std::size_t{1} << 20, 'x');  // more than a pipe or a terminal takes

Pipe pipe_with(int flags) {
  Pipe pipe = make_pipe();
  check(::fcntl(pipe.writing.get(), F_SETFL, flags), "fcntl");
  return pipe;
}

Pipe make_terminal() {
  int master = -1, slave = -1;
  check(::openpty(&master, &slave, nullptr, nullptr, nullptr), "openpty");
  termios raw{};
  ::tcgetattr(slave, &raw);
  ::cfmakeraw(&raw);
  ::tcsetattr(slave, TCSANOW, &raw);
  return {UniqueFd(master), UniqueFd(slave)};
}

std::string read_all(int fd, std::size_t bytes) {
  std::string text;
  std::array<char, 65536> part{};
  while (text.size() < bytes) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Fills it; the test hangs where a write blocks.
std::size_t fill(const Outlet& outlet) {
  std::size_t total = 0;
  for (;;) {
    const Outlet::Written written = outlet.write_some(much);
    EXPECT_EQ(written.error, 0);
    if (written.bytes == 0) return total;
    total += written.bytes;
  }
}

TEST(Outlet, AStreamThatNobodyReadsBlocksNoWrite) {
  for (const Pipe& ends : {make_pipe(), make_terminal()}) {
    const int flags = ::fcntl(ends.writing.get(), F_GETFL);
    const Outlet outlet(ends.writing.get());
    const std::size_t taken = fill(outlet);
    EXPECT_GT(taken, 0U);
    EXPECT_EQ(read_all(ends.reading.get(), taken).size(), taken);
    EXPECT_EQ(outlet.write_some("more").bytes, 4U);
    EXPECT_EQ(::fcntl(ends.writing.get(), F_GETFL), flags) << "others have it open as well";
  }
}

TEST(Outlet, AllIsWrittenToASlowReader) {
  for (const int flags : {0, O_NONBLOCK}) {
    const Pipe ends = pipe_with(flags);
    std::string seen;
    std::thread reader([&] { seen = read_all(ends.reading.get(), much.size()); });
    const Delivery delivery = write_all(Outlet(ends.writing.get()), much);
    reader.join();
    EXPECT_EQ(delivery.left, 0U);
    EXPECT_EQ(seen, much);
  }
}

TEST(Outlet, AWaitEndsWhenItIsToldToOrHasLastedLongEnough) {
  const Pipe ends = make_pipe();
  const Outlet outlet(ends.writing.get());
  fill(outlet);
  const UniqueFd stop = make_event();
  signal_event(stop.get());
  Delivery delivery = write_all(outlet, "more", stop.get());
  EXPECT_EQ(delivery.left, 4U);
  EXPECT_EQ(delivery.error, 0);
  delivery = write_all(outlet, "more", -1, 1);
  EXPECT_EQ(delivery.left, 4U);
}

TEST(Outlet, WhatCanNotBeWrittenIsTold) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe ends = make_pipe();
  const Outlet outlet(ends.writing.get());
  ends.reading.reset();
  EXPECT_EQ(outlet.write_some("x").error, EPIPE);
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  const Delivery delivery = write_all(Outlet(full.get()), "text");
  EXPECT_EQ(delivery.error, ENOSPC);
  EXPECT_EQ(delivery.left, 4U);
}

}  // namespace
}  // namespace samepage
