// SPDX-License-Identifier: Apache-2.0
// A file that is written whole or not at all.
#include "vmm/cli/pending_file.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/temporary_directory.hpp"
#include "base/types.hpp"
#include "vmm/cli/interrupted.hpp"

namespace samepage::cli {
namespace {

class PendingFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/file"; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator all(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  const std::string bytes_ = std::string(page_size, 'a') + std::string(page_size, '\0') + "end";
  const TemporaryDirectory directory_;
};

TEST_F(PendingFileTest, TakesTheOldFilesPlaceWhenItIsComplete) {
  std::ofstream(path()) << "old";
  {
    PendingFile file(path());
    file.write(std::as_bytes(std::span(bytes_)));
    EXPECT_EQ(content(), "old");
    file.commit();
  }
  EXPECT_EQ(content(), bytes_);
  EXPECT_EQ(files(), 1U);
}

TEST_F(PendingFileTest, AStopSignalTakesItBack) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    PendingFile file(path());
    ::raise(signal);
    try {
      file.write(std::as_bytes(std::span(bytes_)));
      ADD_FAILURE() << "signal " << signal << " is lost";
    } catch (const Interrupted& interrupted) {
      EXPECT_EQ(interrupted.signal, signal);
    }
  }
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace samepage::cli
