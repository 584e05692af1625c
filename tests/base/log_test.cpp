// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <regex>
#include <stdexcept>
#include <string>

#include "base/pipe.hpp"
#include "base/unique_fd.hpp"

namespace samepage {
namespace {

// What was stderr is so again when this goes.
class StderrIs {
 public:
  explicit StderrIs(int fd) : kept_(::dup(STDERR_FILENO)) { ::dup2(fd, STDERR_FILENO); }
  ~StderrIs() { ::dup2(kept_.get(), STDERR_FILENO); }
  StderrIs(const StderrIs&) = delete;
  StderrIs& operator=(const StderrIs&) = delete;

 private:
  UniqueFd kept_;
};

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_FALSE(parse_log_level("INFO"));
  EXPECT_FALSE(parse_log_level(""));
}

TEST(Log, AProcessThatNobodyAskedTellsOfErrorsAndWarnings) {
  if (std::getenv("SAMEPAGE_LOG") != nullptr) GTEST_SKIP() << "SAMEPAGE_LOG is set";
  EXPECT_TRUE(is_logged(LogLevel::error));
  EXPECT_TRUE(is_logged(LogLevel::warning));
  EXPECT_FALSE(is_logged(LogLevel::info));
  EXPECT_FALSE(is_logged(LogLevel::debug));
}

TEST(Log, NeitherWaitsForAFullPipeNorEndsOnAFullDisk) {
  const Pipe pipe = make_pipe();
  const std::string page(4096, 'x');
  ::fcntl(pipe.writing.get(), F_SETFL, O_NONBLOCK);
  while (::write(pipe.writing.get(), page.data(), page.size()) > 0) {
  }
  ::fcntl(pipe.writing.get(), F_SETFL, 0);
  {
    const StderrIs full_pipe(pipe.writing.get());
    log_line(LogLevel::error, "nobody reads this");
  }
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const StderrIs full_disk(full.get());
  log(LogLevel::error, "there is no room for this, or for what is longer than a line may be: {}",
      std::string(100'000, 'y'));
}

// What is written to stderr, from the first line that goes out: lines before may have been too many.
std::string written_line(LogLevel level, const std::string& line) {
  const Pipe pipe = make_pipe();
  const StderrIs us(pipe.writing.get());
  pollfd waiting{pipe.reading.get(), POLLIN, 0};
  for (int i = 0; i < 300 && ::poll(&waiting, 1, 100) == 0; ++i) log_line(level, line);
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(pipe.reading.get(), bytes.data(), bytes.size());
  const std::string text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text.substr(text.find(" lines are left out here") == std::string::npos ? 0 : text.find('\n') + 1);
}

TEST(Log, AnEventIsOneLineWithItsTimeAndLevel) {
  const std::string line =
      written_line(LogLevel::warning, "a peer said\n2026-01-01 error samepaged: \x1b[31mlies");
  static const std::regex expected(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning samepage: a peer said 2026-01-01 error samepaged:  \[31mlies\n)");
  EXPECT_TRUE(std::regex_match(line, expected)) << line;
}

TEST(Log, TheJournalGetsItsOwnForm) {
  EXPECT_EQ(log_place(), "stderr");
  const Pipe pipe = make_pipe();
  const StderrIs us(pipe.writing.get());
  struct stat info {};
  ASSERT_EQ(::fstat(pipe.writing.get(), &info), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", info.st_dev, info.st_ino).c_str(), 1);
  EXPECT_EQ(log_place(), "journal");
  pollfd waiting{pipe.reading.get(), POLLIN, 0};
  for (int i = 0; i < 300 && ::poll(&waiting, 1, 100) == 0; ++i) log_line(LogLevel::error, "no room");
  ::unsetenv("JOURNAL_STREAM");
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(pipe.reading.get(), bytes.data(), bytes.size());
  const std::string text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  EXPECT_NE(text.find("<3>samepage: no room\n"), std::string::npos) << text;
}

TEST(Log, ErrorsAreCounted) {
  const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const StderrIs unseen(nowhere.get());
  const std::uint64_t before = logged_errors();
  for (int i = 0; i < 100; ++i) log_error("a frame is not made", std::runtime_error("no memory"));
  EXPECT_EQ(logged_errors(), before + 100) << "those that are too many to be told count as well";
}

}  // namespace
}  // namespace samepage
