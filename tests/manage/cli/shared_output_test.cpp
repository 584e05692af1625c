// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/shared_output.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "base/pipe.hpp"

namespace samepage::cli {
namespace {

TEST(SharedOutput, WhatIsNotReadIsKeptAndComesInOrder) {
  const Pipe pipe = make_pipe();
  SharedOutput output(pipe.writing.get());
  std::string all;
  while (output.has_room()) {
    const std::string line = "line " + std::to_string(all.size()) + "\n";
    output.put(line);
    all += line;
  }
  EXPECT_FALSE(output.empty());
  EXPECT_EQ(output.wait().events, POLLOUT);
  std::string seen;
  std::array<char, 65536> part{};
  while (seen.size() < all.size()) {
    const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
    ASSERT_GT(got, 0);
    seen.append(part.data(), static_cast<std::size_t>(got));
    output.flush();
  }
  EXPECT_EQ(seen, all);
  EXPECT_TRUE(output.empty());
  EXPECT_LT(output.wait().fd, 0);
}

TEST(SharedOutput, AfterAWriteHasFailedAllIsTakenAndCountedAsLost) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe = make_pipe();
  SharedOutput output(pipe.writing.get());
  pipe.reading.reset();
  output.put("one");
  EXPECT_EQ(output.error(), EPIPE);
  output.put("four");
  EXPECT_EQ(output.lost(), 7U);
  EXPECT_TRUE(output.empty());
  EXPECT_TRUE(output.has_room());
}

}  // namespace
}  // namespace samepage::cli
