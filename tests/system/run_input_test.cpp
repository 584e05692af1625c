// SPDX-License-Identifier: Apache-2.0
// Standard input of `samepage run` is the guest's console, with a terminal and with pipes.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/system/host.hpp"
#include "tests/system/terminal.hpp"

namespace samepage::system_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class RunInput : public Host {
 protected:
  static Words echo() {
    return {program("samepage"), "run", "--name", "g", "--mem", "16M", "echo", "--", "exit=5"};
  }
  Finished shell(const std::string& line) const {
    return run({"/bin/sh", "-c", "run() { " + program("samepage") + " run --mem 16M \"$@\"; }; " + line});
  }
};

TEST_F(RunInput, ATerminalIsTheGuestsUntilItEnds) {
  Terminal terminal(echo());
  terminal.wait_for("echo> ");  // no whole line
  EXPECT_TRUE(terminal.is_raw());
  terminal.type("Hi\x03");
  terminal.wait_for("Ctrl-C went to the guest; Ctrl-] ends it");
  terminal.type("\x03.\x04");
  EXPECT_EQ(terminal.wait(), 5) << terminal.screen();
  EXPECT_THAT(terminal.screen(), HasSubstr("Hi\x03"));
  EXPECT_THAT(terminal.screen(), HasSubstr("\x03.\r\nbye"));
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(RunInput, TheEscapeKeyEndsTheGuestAndOurWordsBeginALine) {
  Terminal terminal(echo());
  terminal.wait_for("echo> ");
  terminal.type("\x1d");
  EXPECT_EQ(terminal.wait(), 130) << terminal.screen();
  EXPECT_THAT(terminal.screen(), EndsWith("echo> \r\nsamepage: guest g was stopped\r\n"));
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(RunInput, SignalsLeaveTheTerminalAsItWas) {
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) {
    Terminal terminal(echo());
    terminal.wait_for("echo> ");
    terminal.signal(number);
    EXPECT_EQ(terminal.wait(), 128 + number) << terminal.screen();
    EXPECT_EQ(terminal.modes(), terminal.first_modes());
  }
}

TEST_F(RunInput, InTheBackgroundTheTerminalIsLeftAlone) {
  // A shell with job control: were the guest stopped for reading, `wait` would say so at once.
  Terminal terminal(
      {"/bin/sh", "-c",
       "set -m; " + program("samepage") + " run --mem 16M hello -- exit=7 & wait $!; echo ended with $?"});
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_THAT(terminal.screen(), HasSubstr("ended with 7"));
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(RunInput, APipeIsReadToItsEndAndTheGuestRunsOn) {
  const Finished typed = shell("printf 'a line\\035\\003\\004' | run echo -- exit=5");
  EXPECT_EQ(typed.code, 5) << typed.err;
  EXPECT_EQ(typed.out, "echo> a line\x1d\x03\nbye\n");
  EXPECT_EQ(shell("true | run hello -- exit=3").code, 3) << "an input that ends ends no guest";
}

TEST_F(RunInput, MoreThanAGuestTakesAtOnceArrives) {
  const Finished typed = shell("(head -c 6000 /dev/zero | tr '\\0' x; printf '\\004') | run echo");
  EXPECT_EQ(typed.code, 0) << typed.err;
  EXPECT_EQ(typed.out, "echo> " + std::string(6000, 'x') + "\nbye\n");
}

TEST_F(RunInput, SeveralGuestsReadNothing) {
  const Finished counted = shell("printf 'kept' | { run --count 2 hello; cat; }");
  EXPECT_EQ(counted.code, 0) << counted.err;
  EXPECT_THAT(counted.out, EndsWith("kept"));
}

}  // namespace
}  // namespace samepage::system_test
