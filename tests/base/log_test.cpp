// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
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
    log_line("nobody reads this");
  }
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const StderrIs full_disk(full.get());
  log(LogLevel::error, "there is no room for this, or for what is longer than a line may be: {}",
      std::string(100'000, 'y'));
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
