// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/console_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace samepage::vmm {
namespace {

struct Pipe {
  UniqueFd reading;
  UniqueFd writing;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(ConsoleLog, KeepsTheEndOfWhatWasPrinted) {
  ConsoleLog log(-1);
  log.write("begin ");
  EXPECT_EQ(log.tail(), "begin ");
  const std::string many(ConsoleLog::kept, 'x');
  log.write(many + "the end");
  EXPECT_EQ(log.tail().size(), ConsoleLog::kept);
  EXPECT_TRUE(log.tail().ends_with("the end"));
  log.write(".");
  EXPECT_TRUE(log.tail().ends_with("xthe end."));
}

TEST(ConsoleLog, PassesEverythingOn) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  log.write("hello\n");
  std::array<char, 16> bytes{};
  const ssize_t got = ::read(pipe.reading.get(), bytes.data(), bytes.size());
  ASSERT_EQ(got, 6);
  EXPECT_EQ(std::string_view(bytes.data(), 6), "hello\n");
}

TEST(ConsoleLog, AWriterThatWaitsForAReaderEndsWhenTheOutputIsClosed) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  const std::string more_than_a_pipe_takes(std::size_t{1} << 20, 'x');
  std::thread writer([&] { log.write(more_than_a_pipe_takes); });
  log.close_output();
  writer.join();
  log.write("after");  // does not block either
  EXPECT_TRUE(log.tail().ends_with("after"));
}

}  // namespace
}  // namespace samepage::vmm
