// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

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
  EXPECT_EQ(status_of({"analyze"}), exit_usage);
  EXPECT_EQ(status_of({"analyze", "--memory", "much", "x"}), exit_usage);
  EXPECT_EQ(status_of({"analyze", "--pairs", "-1", "x"}), exit_usage);
  EXPECT_EQ(status_of(std::vector<const char*>(1 + 1025, "analyze")), exit_usage) << "too many files";
}

TEST(CommandLine, ANameThatNoGuestCanHaveIsAUsageErrorEverywhere) {
  const std::string long_name(64, 'x');
  for (const char* name : {"", "../up", "two words", "-x", "\xff", long_name.c_str()}) {
    EXPECT_EQ(status_of({"run", "--name", name, "hello"}), exit_usage) << name;
    for (const char* command : {"stop", "kill", "pause", "resume", "logs", "map", "stat", "console"}) {
      EXPECT_EQ(status_of({command, name}), exit_usage) << command << " " << name;
    }
  }
  const std::string no_room_for_a_number(63, 'x');
  EXPECT_EQ(status_of({"run", "--count", "2", "--name", no_room_for_a_number.c_str(), "hello"}), exit_usage);
}

TEST(CommandLine, WhatWouldBeIgnoredIsAUsageError) {
  EXPECT_EQ(status_of({"run", "--json", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--initrd", "", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--console", "", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", ""}), exit_usage);
  EXPECT_EQ(status_of({"run", "--port", "hvc0", "hello"}), exit_usage) << "without --virtio-console";
  EXPECT_EQ(status_of({"run", "--detach", "--escape", "^A", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"run", "--count", "2", "--port", "com1", "hello"}), exit_usage);
  EXPECT_EQ(status_of({"image", "import", "x", "-o", ""}), exit_usage);
  EXPECT_EQ(status_of({"paging", "--add", ""}), exit_usage);
  EXPECT_EQ(status_of({"paging", "--remove", ""}), exit_usage);
  EXPECT_EQ(status_of({"libvirtd", "--socket", ""}), exit_usage);
}

// What stderr says of a command line that makes no sense.
std::string complaint(std::vector<const char*> words) {
  CaptureStderr();
  EXPECT_EQ(status_of(std::move(words)), exit_usage);
  return GetCapturedStderr();
}

TEST(CommandLine, AMistypedWordIsNamedWithTheLikelyOneAndTheHelpToRead) {
  EXPECT_THAT(complaint({"stats"}), HasSubstr("no command 'samepage stats'; did you mean 'samepage stat'?"));
  const std::string nested = complaint({"image", "imprt", "x"});
  EXPECT_THAT(nested, HasSubstr("no command 'samepage image imprt'; did you mean 'samepage image import'?"));
  EXPECT_THAT(nested, HasSubstr("Try 'samepage image --help'"));
  const std::string option = complaint({"run", "--mme=64M", "hello"});
  EXPECT_THAT(option, HasSubstr("'samepage run' has no option '--mme'; did you mean '--mem'?"));
  EXPECT_THAT(option, HasSubstr("Try 'samepage run --help'"));
  EXPECT_THAT(complaint({"ready"}), testing::Not(HasSubstr("ready-fd"))) << "an option that nobody is to use";
  EXPECT_THAT(complaint({"run", "--read-fd", "3", "hello"}),
              testing::Not(HasSubstr("did you mean '--ready-fd'")));
  EXPECT_THAT(complaint({"run", "--mem", "64x", "hello"}), HasSubstr("'64x' is not a size"));
}

TEST(CommandLine, EveryOptionOfEveryCommandIsInTheHelp) {
  CaptureStdout();
  EXPECT_EQ(status_of({"--help-all"}), exit_ok);
  const std::string help = GetCapturedStdout();
  for (const char* option : {"--name NAME",
                             "--mem SIZE",
                             "--cpus N",
                             "--domain DOMAIN",
                             "--count N",
                             "--detach",
                             "--rom FILE@ADDRESS",
                             "--disk FILE[,ro|,overlay|,rw]",
                             "--pmem FILE,(ro|private",
                             "--net (tap=NAME|none)[,mac=MAC]",
                             "--rng",
                             "--balloon",
                             "--virtio-console",
                             "--initrd FILE",
                             "--entry auto|linux64|compressed",
                             "--console FILE",
                             "--port com1|hvc0",
                             "--escape ^X|CHARACTER|none",
                             "--json",
                             "-a,--all",
                             "--reset",
                             "--guests N"}) {
    EXPECT_THAT(help, HasSubstr(option));
  }
  EXPECT_THAT(help, testing::Not(HasSubstr("-fd"))) << "options that nobody is to use";
}

TEST(CommandLine, TheHelpOfRunTellsItsExitCodes) {
  CaptureStdout();
  EXPECT_EQ(status_of({"run", "--help"}), exit_ok);
  const std::string help = GetCapturedStdout();
  EXPECT_THAT(help, HasSubstr("Exit codes:"));
  EXPECT_THAT(help, HasSubstr("125"));
}

}  // namespace
}  // namespace samepage::cli
