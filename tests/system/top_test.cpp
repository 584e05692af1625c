// SPDX-License-Identifier: Apache-2.0
// `samepage top` and `stat --watch` as people and scripts use them: in a terminal of 80x24, with keys,
// signals and a guest that hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"
#include "tests/system/terminal.hpp"
#include "tests/system/vt100.hpp"

namespace samepage::system_test {
namespace {

using testing::HasSubstr;

class Top : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (IsSkipped()) return;
    ::setenv("TERM", "vt100", 1);
    start("web", {"fill", "common=50", "zero=20"}, {"--domain", "left"});
    start("db", {"fill", "common=50"}, {"--domain", "right"});
  }
  static Words top() { return {program("samepage"), "top", "--interval", "0.2"}; }
  [[nodiscard]] std::string state_of(const std::string& guest) const {
    return guest_figures(guest).at("state").get<std::string>();
  }
};

// What an xterm is told at the end: its former screen, and the cursor.
constexpr const char* former_screen = "\x1b[?1049l";
constexpr const char* last_line = "q quit";

TEST_F(Top, ShowsGuestsAndItsKeysSteerThem) {
  Terminal terminal(top());
  terminal.wait_to_see("2 guests");
  terminal.wait_to_see("LONGEST HOLD");  // the last column that 80 have room for
  terminal.type("/web\r");
  terminal.wait_to_see("2 guests (1 shown)");
  terminal.type("p");
  wait_until("the guest is paused", [&] { return state_of("web") == "paused"; });
  terminal.wait_to_see("1 paused");
  terminal.type("p");
  wait_until("the guest runs", [&] { return state_of("web") == "running"; });
  terminal.type("x");
  terminal.wait_to_see("stop guest web? y/n");
  terminal.type("y");
  terminal.wait_to_see("1 guest (0 shown)");
  terminal.type(
      "\x1b"
      "d");
  terminal.wait_to_see("domain right");
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(Top, FollowsTheSizeOfTheTerminal) {
  Terminal terminal(top());
  terminal.wait_to_see(last_line);
  terminal.resize({160, 40});
  terminal.wait_to_see("DOMAIN");
  terminal.wait_to_see("HELD/S");
  terminal.resize({30, 6});
  terminal.wait_to_see(" SAVED PRIVATE    \n");
  terminal.resize({80, 24});
  terminal.wait_to_see("LONGEST HOLD");
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0) << terminal.screen();
}

// Low at the left, before the two guests came; at its top at the right, where they are merged.
TEST_F(Top, ItsCurveRisesWhenGuestsAreMerged) {
  ::setenv("LC_ALL", "C", 1);                                            // no characters but ASCII
  Terminal terminal({program("samepage"), "top", "--interval", "0.5"});  // half a minute of curve
  terminal.wait_to_see("2 guests");
  merge_fast();
  for (const char* name : {"one", "two"}) start(name, {"fill", "common=2000"}, {"--domain", "left"});
  const std::regex curve("\\nnet saved +[_.:][-_.:=+*#]*## -?[0-9.]+ [KM]?i?B to [0-9.]+ MiB");
  const auto shows_it = [&] {
    Vt100 screen(80, 24);
    screen.write(terminal.screen());
    return std::regex_search(screen.text(), curve);
  };
  while (!shows_it() && !HasFatalFailure()) terminal.wait_for_more();
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(Top, ASignalLeavesTheTerminalAsItWas) {
  ::setenv("TERM", "xterm", 1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV}) {
    Terminal terminal(top());
    terminal.wait_for(last_line);
    EXPECT_NE(terminal.modes(), terminal.first_modes());
    terminal.signal(signal);
    EXPECT_EQ(terminal.wait(), 128 + signal) << terminal.screen();
    EXPECT_EQ(terminal.modes(), terminal.first_modes()) << signal;
    EXPECT_THAT(terminal.screen(), HasSubstr(former_screen)) << signal;
  }
}

// Many times, because a Ctrl-Z that comes while curses draws is easily lost.
TEST_F(Top, CtrlZGivesTheTerminalBackUntilItGoesOn) {
  ::setenv("TERM", "xterm", 1);
  constexpr int rounds = 25;
  std::string script = program("samepage") + " top; ";  // no loop: the shell leaves one when a job stops
  for (int round = 0; round < rounds; ++round) script += "stty -a; echo 'has stopped'; read; fg; ";
  script += "echo 'has ended'";
  Terminal terminal({"/bin/bash", "-mc", script});
  std::size_t seen = 0;
  const auto wait_for_new = [&](std::string_view text) {
    while (terminal.screen().find(text, seen) == std::string::npos) terminal.wait_for_more();
  };
  for (int round = 0; round < rounds; ++round) {
    wait_for_new(last_line);
    seen = terminal.screen().size();
    terminal.type("\x1a");
    wait_for_new("has stopped");
    const std::string left = terminal.screen().substr(seen);
    EXPECT_THAT(left, HasSubstr(former_screen));
    EXPECT_THAT(left, HasSubstr(" icanon"));
    EXPECT_THAT(left, HasSubstr(" echo "));
    seen = terminal.screen().size();
    terminal.type("\n");
  }
  wait_for_new(last_line);
  terminal.type("q");
  terminal.wait_for("has ended");
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(terminal.modes(), terminal.first_modes());
}

TEST_F(Top, AGuestThatHangsDoesNotHoldUpTheOthers) {
  const auto pid = guest_figures("web").at("pid").get<pid_t>();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  Terminal terminal(top());
  terminal.wait_to_see("1 not answering");
  start("late", {"hello", "wait=1"});
  terminal.wait_to_see("late");  // samples go on
  terminal.type("/db\r");
  terminal.wait_to_see("filter db");
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  terminal.wait_to_see("3 guests (1 shown)  ");
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(Top, ScriptsGetTextCsvAndJson) {
  const Finished text = samepage({"top", "--once", "--interval", "0.1"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("web"));
  const Finished csv = samepage({"top", "--once", "--csv", "--interval", "0.1", "--filter", "db"});
  std::istringstream lines(csv.out);
  std::string head, line, none;
  std::getline(lines, head);
  std::getline(lines, line);
  EXPECT_THAT(head, testing::StartsWith("time,name,state,saved_bytes"));
  EXPECT_THAT(line, HasSubstr(",db,running,"));
  EXPECT_FALSE(std::getline(lines, none)) << none;
  const nlohmann::json body = ask({"top", "--once", "--interval", "0.1", "--sort", "name"});
  ASSERT_EQ(body.at("guests").size(), 2U);
  EXPECT_EQ(body.at("guests")[0].at("name"), "db");
  EXPECT_TRUE(body.at("guests")[0].at("breaks_per_s").is_number());
  EXPECT_TRUE(body.at("guests")[0].at("held_us_per_s").is_number());
  EXPECT_EQ(samepage({"top", "--once", "--interval", "0.1", "--sort", "held"}).code, 0);
  const Finished no_terminal = samepage({"top"});
  EXPECT_EQ(no_terminal.code, 1);
  EXPECT_THAT(no_terminal.err, HasSubstr("--once"));
}

TEST_F(Top, StatWatchesUntilItIsStopped) {
  Pipe out = make_pipe();
  Process watch({program("samepage"), "stat", "--watch", "0.1", "--json"}, out.writing.get(), -1);
  out.writing.reset();
  std::string text;
  for (char letter = 0; std::count(text.begin(), text.end(), '\n') < 2;) {
    ASSERT_EQ(::read(out.reading.get(), &letter, 1), 1);
    text += letter;
  }
  watch.signal(SIGINT);
  EXPECT_EQ(watch.wait(), 130);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(nlohmann::json::parse(line).at("guests").size(), 2U);
  }
}

// Samples of text, each below a line with its time. A terminal shows the last one alone.
TEST_F(Top, StatWatchesAsText) {
  Pipe out = make_pipe();
  Process watch({program("samepage"), "stat", "--watch", "0.1"}, out.writing.get(), -1);
  out.writing.reset();
  const std::regex sample(
      "(^|\\n\\n)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\n\\npages shared [^]*\\nNAME [^]*\\nweb ");
  std::string text;
  for (char letter = 0; !std::regex_search(text.substr(text.size() / 2), sample);) {
    ASSERT_EQ(::read(out.reading.get(), &letter, 1), 1) << text;
    text += letter;
  }
  watch.signal(SIGINT);
  EXPECT_EQ(watch.wait(), 130);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;

  Terminal terminal({program("samepage"), "stat", "--watch", "0.1"});
  const std::string empty_screen = "\x1b[H\x1b[2J";
  const auto samples = [&] {
    const std::size_t first = terminal.screen().find(empty_screen);
    return first != std::string::npos && terminal.screen().find(empty_screen, first + 1) != std::string::npos;
  };
  while (!samples() && !HasFatalFailure()) terminal.wait_for_more();
  terminal.wait_to_see("net saved");
  terminal.signal(SIGINT);
  EXPECT_EQ(terminal.wait(), 130);
}

}  // namespace
}  // namespace samepage::system_test
