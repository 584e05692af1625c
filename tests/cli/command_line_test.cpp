// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

int status_of(std::vector<const char*> words) {
  words.insert(words.begin(), "samepage");
  return run_command_line(static_cast<int>(words.size()), words.data());
}

TEST(CommandLine, HelpAndVersionSucceed) {
  EXPECT_EQ(status_of({"--help"}), exit_ok);
  EXPECT_EQ(status_of({"--version"}), exit_ok);
  EXPECT_EQ(status_of({"run", "--help"}), exit_ok);
}

TEST(CommandLine, WhatMakesNoSenseIsAUsageError) {
  EXPECT_EQ(status_of({}), exit_usage);
  EXPECT_EQ(status_of({"fly"}), exit_usage);
  EXPECT_EQ(status_of({"run"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--mem", "much", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--cpus", "0", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--count", "0", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--domain", "two words", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--rom", "file", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "hello", "argument-without-dashes"}), exit_usage);
  EXPECT_EQ(status_of({"ps", "--", "x"}), exit_usage);
  EXPECT_EQ(status_of({"stop"}), exit_usage);
}

}  // namespace
}  // namespace samepage::cli
