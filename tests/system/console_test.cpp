// SPDX-License-Identifier: Apache-2.0
// `samepage console` with a terminal and with pipes, on a guest that says back what it is told.
#include <csignal>

#include "tests/system/host.hpp"
#include "tests/system/terminal.hpp"

namespace samepage::system_test {
namespace {

class ConsoleCommand : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    start("g", {"echo", "exit=5"}, {"--mem", "16M"});
  }
  static Words console(Words options = {}) {
    Words words{program("samepage"), "console", "g"};
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }
  // What a shell makes of `line`, where "console" is this command.
  Finished shell(const std::string& line) const {
    return run({"/bin/sh", "-c", "console() { " + program("samepage") + " console g \"$@\"; }; " + line});
  }
  bool guest_runs() const { return ask({"ps"}).size() == 1; }
};

TEST_F(ConsoleCommand, TypesSeesAndDetaches) {
  Terminal terminal(console());
  terminal.wait_for("echo> ");  // printed before, and no whole line
  EXPECT_TRUE(terminal.is_raw());
  terminal.type("Hi\x03");  // Ctrl-C is the guest's
  terminal.wait_for("Hi\x03");
  terminal.type("\x1d");
  EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
  EXPECT_NE(terminal.screen().find("detached from guest g"), std::string::npos);
  EXPECT_TRUE(guest_runs());
  EXPECT_EQ(log_of("g"), "echo> Hi\x03");
}

TEST_F(ConsoleCommand, EnterBeginsANewLine) {
  Terminal terminal(console());
  terminal.wait_for("echo> ");
  terminal.type("one\rtwo");  // what a terminal in raw mode sends
  terminal.wait_for("one\r\ntwo");
  terminal.type("\x1d");
  EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
  EXPECT_EQ(log_of("g"), "echo> one\ntwo");
}

TEST_F(ConsoleCommand, SignalsDetachAndLeaveTheTerminalAsItWas) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Terminal terminal(console());
    terminal.wait_for("echo> ");
    terminal.signal(number);
    EXPECT_EQ(terminal.wait(), 128 + number) << terminal.screen();
    EXPECT_EQ(terminal.modes(), terminal.first_modes());
  }
  EXPECT_TRUE(guest_runs());
}

TEST_F(ConsoleCommand, TheGuestsOwnEndIsSaid) {
  Terminal terminal(console());
  terminal.wait_for("echo> ");
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait(), 3) << terminal.screen();
  EXPECT_NE(terminal.screen().find("bye"), std::string::npos);
  EXPECT_NE(terminal.screen().find("guest g has ended, with exit code 5"), std::string::npos);
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(ConsoleCommand, AGuestThatIsStoppedOrKilledHasEnded) {
  for (const char* verb : {"stop", "kill"}) {
    if (!guest_runs()) start("g", {"echo"}, {"--mem", "16M"});
    Terminal terminal(console());
    terminal.wait_for("echo> ");
    EXPECT_EQ(samepage({verb, "g"}).code, 0);
    EXPECT_EQ(terminal.wait(), 3) << terminal.screen();
    EXPECT_NE(terminal.screen().find("guest g has ended"), std::string::npos);
    EXPECT_EQ(terminal.modes(), terminal.first_modes());
  }
}

TEST_F(ConsoleCommand, AWindowThatIsClosedLeavesTheGuestAlone) {
  Terminal terminal(console());
  terminal.wait_for("echo> ");
  terminal.hang_up();
  const int code = terminal.wait();
  EXPECT_TRUE(code == 0 || code == 128 + SIGHUP) << code;  // the end of input or the signal, as they come
  EXPECT_TRUE(guest_runs());
}

TEST_F(ConsoleCommand, SeveralAttachAtOnceAndASleeperHoldsUpNobody) {
  Terminal one(console());
  Terminal other(console());
  Terminal sleeper(console());
  for (Terminal* terminal : {&one, &other, &sleeper}) terminal->wait_for("echo> ");
  sleeper.signal(SIGSTOP);
  one.type("from one,");
  other.wait_for("from one,");
  other.type("from other,");
  one.wait_for("from one,from other,");
  other.type("\x1d");
  EXPECT_EQ(other.wait(), 0);
  one.type("still here");
  one.wait_for("still here");
  sleeper.signal(SIGCONT);
  sleeper.wait_for("from one,from other,still here");
}

TEST_F(ConsoleCommand, TheEscapeKeyCanBeChosen) {
  Terminal terminal(console({"--escape", "^A"}));
  terminal.wait_for("Ctrl-A detaches");
  terminal.wait_for("echo> ");
  terminal.type("\x1d!");
  terminal.wait_for("\x1d!");
  terminal.type("\x01");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ConsoleCommand, PipesStayAttachedUntilTheGuestEnds) {
  // The writer ends at once; Ctrl-D is the guest's.
  const Finished typed = shell("printf 'a line\\004' | console");
  EXPECT_EQ(typed.code, 3) << typed.err;
  EXPECT_EQ(typed.out, "echo> a line\nbye\n");
  EXPECT_EQ(typed.err, "samepage: guest g has ended, with exit code 5\n");
}

TEST_F(ConsoleCommand, MoreInputThanAGuestTakesAtOnceArrives) {
  const Finished typed =
      shell("(head -c 6000 /dev/zero | tr '\\0' x; printf '\\035\\004') | console --escape none");
  EXPECT_EQ(typed.code, 3) << typed.err;
  EXPECT_EQ(typed.out, "echo> " + std::string(6000, 'x') + "\x1d\nbye\n");
}

TEST_F(ConsoleCommand, AnInputPortThatTheGuestDoesNotHaveIsRefused) {
  const Finished refused = samepage({"console", "g", "--port", "hvc0"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("--virtio-console"), std::string::npos) << refused.err;
  EXPECT_EQ(samepage({"console", "nobody"}).code, 1);
  start("v", {"echo"}, {"--mem", "16M", "--virtio-console"});
  const Finished detached =
      run({"/bin/sh", "-c", "printf 'x\\035' | " + program("samepage") + " console v --port hvc0"});
  EXPECT_EQ(detached.code, 0) << detached.err;
}

}  // namespace
}  // namespace samepage::system_test
