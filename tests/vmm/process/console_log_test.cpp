// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/console_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <string>
#include <thread>

#include "base/pipe.hpp"

namespace samepage::vmm {
namespace {

TEST(ConsoleLog, KeepsTheEndOfWhatWasPrinted) {
  ConsoleLog log(-1);
  log.keep("begin ");
  EXPECT_EQ(log.tail(), "begin ");
  const std::string many(ConsoleLog::kept, 'x');
  log.keep(many + "the end");
  EXPECT_EQ(log.tail().size(), ConsoleLog::kept);
  EXPECT_TRUE(log.tail().ends_with("the end"));
  log.keep(".");
  EXPECT_TRUE(log.tail().ends_with("xthe end."));
}

TEST(ConsoleLog, PassesEverythingOn) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  log.put_out("hello\n");
  std::array<char, 16> bytes{};
  const ssize_t got = ::read(pipe.reading.get(), bytes.data(), bytes.size());
  ASSERT_EQ(got, 6);
  EXPECT_EQ(std::string_view(bytes.data(), 6), "hello\n");
}

TEST(ConsoleLog, AWriterThatWaitsForAReaderEndsWhenTheOutputIsClosed) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  const std::string more_than_a_pipe_takes(std::size_t{1} << 20, 'x');
  std::thread writer([&] { log.put_out(more_than_a_pipe_takes); });
  log.close_output();
  writer.join();
  log.put_out(more_than_a_pipe_takes);  // does not block either
}

TEST(ConsoleLog, WhatNobodyReadBeforeTheEndIsCounted) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  const std::string much(std::size_t{1} << 20, 'x');
  log.close_output();
  log.put_out(much);
  const ConsoleLog::Loss loss = log.loss();
  EXPECT_EQ(loss.error, 0);
  std::string seen(much.size(), '\0');
  const ssize_t taken = ::read(pipe.reading.get(), seen.data(), seen.size());
  EXPECT_EQ(loss.bytes, much.size() - static_cast<std::size_t>(taken));
}

TEST(ConsoleLog, AReaderThatIsAliveGetsAllOfItAlsoAtTheEnd) {
  const Pipe pipe = make_pipe();
  ConsoleLog log(pipe.writing.get());
  const std::string much(std::size_t{1} << 20, 'x');
  std::thread reader([&] {
    std::array<char, 65536> part{};
    for (std::size_t seen = 0; seen < much.size();) {
      const ssize_t got = ::read(pipe.reading.get(), part.data(), part.size());
      ASSERT_GT(got, 0);
      seen += static_cast<std::size_t>(got);
    }
  });
  log.close_output();
  log.put_out(much);
  EXPECT_EQ(log.loss().bytes, 0U);
  reader.join();
}

TEST(ConsoleLog, AWriteThatFailsIsTold) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  ConsoleLog log(full.get());
  pollfd failed{log.failed_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&failed, 1, 0), 0);
  log.put_out("hello");
  EXPECT_EQ(::poll(&failed, 1, 0), 1);
  EXPECT_EQ(log.loss().bytes, 5U);
  EXPECT_EQ(log.loss().error, ENOSPC);
}

// Whether the poll loop would look.
bool has_news(const ConsoleLog& log) {
  pollfd wait{log.news_fd(), POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

TEST(ConsoleLog, IsReadInPiecesFromAPosition) {
  ConsoleLog log(-1);
  log.keep("one two three");
  ConsoleLog::Piece piece = log.read(4, 3);
  EXPECT_EQ(piece.text, "two");
  EXPECT_EQ(piece.left_out, 0U);
  piece = log.read(piece.next, 100);
  EXPECT_EQ(piece.text, " three");
  EXPECT_TRUE(log.read(piece.next, 100).text.empty());
}

TEST(ConsoleLog, SaysWhatAReaderCameTooLateFor) {
  ConsoleLog log(-1);
  log.keep(std::string(100, 'a') + std::string(ConsoleLog::kept, 'b'));
  const ConsoleLog::Piece piece = log.read(40, 5);
  EXPECT_EQ(piece.left_out, 60U);
  EXPECT_EQ(piece.text, "bbbbb");
  EXPECT_EQ(piece.next, 105U);
}

TEST(ConsoleLog, KeepsMoreWhileItIsWatchedAndLosesNothingOfTheTail) {
  ConsoleLog log(-1);
  std::string all;
  const auto print = [&](std::size_t bytes) {
    for (const std::size_t end = all.size() + bytes; all.size() < end;) {
      const std::string text = std::to_string(all.size()) + ' ';
      log.keep(text);
      all += text;
    }
  };
  print(3 * ConsoleLog::kept + 17);
  const std::string before = log.tail();
  EXPECT_EQ(before, all.substr(all.size() - ConsoleLog::kept));
  const std::uint64_t begin = log.tail_begin();
  log.set_watched(ConsoleLog::Watched::yes);
  EXPECT_EQ(log.tail(), before);
  EXPECT_EQ(log.read(begin, ConsoleLog::kept).text, before);
  EXPECT_EQ(log.read(begin - 1, 1).left_out, 1U);
  print(ConsoleLog::kept_for_watchers - ConsoleLog::kept - 100);
  EXPECT_EQ(log.read(begin, all.size()).text, all.substr(begin));
  log.set_watched(ConsoleLog::Watched::no);
  EXPECT_EQ(log.tail(), all.substr(all.size() - ConsoleLog::kept));
}

TEST(ConsoleLog, TellsNewsOnceAndOnlyWhileItIsWatched) {
  ConsoleLog log(-1);
  log.keep("nobody looks");
  EXPECT_FALSE(has_news(log));
  log.set_watched(ConsoleLog::Watched::yes);
  log.keep("a");
  log.keep("b");
  EXPECT_TRUE(has_news(log));
  log.take_news();
  EXPECT_FALSE(has_news(log));
  log.wake();
  EXPECT_TRUE(has_news(log));
}

}  // namespace
}  // namespace samepage::vmm
