// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error that are full, unread, closed, broken or not blocking: nothing is lost
// without a word, nobody is stuck, and exit codes say what happened.
#include <fcntl.h>

#include <csignal>
#include <fstream>
#include <string>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class Streams : public Host {
 protected:
  static Words run_words(const std::string& name, const Words& guest, const Words& options = {}) {
    Words words{program("samepage"), "run", "--name", name, "--mem", "16M"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(guest.front());
    words.emplace_back("--");
    words.insert(words.end(), guest.begin() + 1, guest.end());
    return words;
  }
  void wait_for_guests(std::size_t count) const {
    wait_until("there are guests", [&] { return ask({"ps"}).size() == count; });
  }
  void wait_until_greeted(const std::string& name) const {
    wait_until(name + " has greeted",
               [&] { return log_of(name).find("hello from samepage") != std::string::npos; });
  }
  static bool blocks(pid_t pid, int signal) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigBlk:"))
        return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
    }
    return false;
  }
  Finished shell(const std::string& line) const {
    return run({"/bin/sh", "-c", "samepage() { " + program("samepage") + " \"$@\"; }; " + line});
  }
};

TEST_F(Streams, OutputThatIsNotTakenFailsTheRun) {
  for (const char* count : {"1", "2"}) {
    const Finished lost = shell(std::string("samepage run --mem 16M --count ") + count + " hello >/dev/full");
    EXPECT_EQ(lost.code, 1);
    EXPECT_NE(lost.err.find("No space left on device"), std::string::npos) << lost.err;
    EXPECT_NE(lost.err.find("lost"), std::string::npos) << lost.err;
  }
  EXPECT_EQ(shell("samepage run --mem 16M hello -- exit=7 >/dev/full").code, 7)
      << "the guest's own code counts";
  EXPECT_EQ(shell("samepage run --mem 16M hello >&-").code, 1);
}

TEST_F(Streams, ResultsThatAreNotTakenFailTheirCommand) {
  start("g", {"hello", "wait=1"}, {"--mem", "16M"});
  for (const char* command :
       {"ps", "stat", "stat g", "logs g", "map g --json", "tune", "--help", "--version"}) {
    const Finished lost = shell(std::string("samepage ") + command + " >/dev/full");
    EXPECT_EQ(lost.code, 1) << command;
    EXPECT_NE(lost.err.find("No space left on device"), std::string::npos) << command << ": " << lost.err;
  }
}

TEST_F(Streams, GuestsWhoseNamesNobodyHearsOfDoNotStay) {
  EXPECT_EQ(shell("samepage run --detach --count 2 --mem 16M hello -- wait=1 >/dev/full").code, 1);
  EXPECT_TRUE(ask({"ps"}).empty());
  EXPECT_TRUE(leftovers().empty());
}

TEST_F(Streams, ARunEndsWhenItsReaderHasGone) {
  for (const char* count : {"1", "2"}) {
    Pipe out = make_pipe();
    out.reading.reset();
    Process guests(run_words("g", {"hello", "wait=1"}, {"--count", count}), out.writing.get(), -1);
    EXPECT_EQ(guests.wait(), 128 + SIGPIPE) << count;
  }
  EXPECT_TRUE(leftovers().empty());
}

TEST_F(Streams, ExitCodesDoNotDependOnStandardError) {
  const UniqueFd full = checked_fd(::open("/dev/full", O_WRONLY | O_CLOEXEC), "open /dev/full");
  const Pipe unread = make_pipe();
  fill_up(unread.writing.get());
  for (const int err : {full.get(), unread.writing.get()}) {
    Process guest(run_words("g", {"hello", "wait=1"}), -1, err);
    wait_for_guests(1);
    EXPECT_EQ(samepage({"stop", "g"}).code, 0);
    EXPECT_EQ(guest.wait(), 128 + SIGTERM);
  }
}

TEST_F(Streams, AGuestThatNobodyReadsIsPausedAndStopped) {
  for (const Pipe& out : {make_pipe(), make_terminal()}) {
    fill_up(out.writing.get());
    const Pipe err = make_pipe();
    Process guest(run_words("g", {"hello"}), out.writing.get(), err.writing.get());
    wait_for_guests(1);
    EXPECT_EQ(samepage({"pause", "g"}).code, 0);
    EXPECT_EQ(samepage({"resume", "g"}).code, 0);
    EXPECT_EQ(samepage({"stop", "g"}).code, 0);
    EXPECT_NE(guest.wait(), 0);
  }
}

TEST_F(Streams, ASignalEndsGuestsThatNobodyReads) {
  for (const char* count : {"1", "2"}) {
    const Pipe out = make_pipe();
    fill_up(out.writing.get());
    Pipe err = make_pipe();
    Process guests(run_words("g", {"hello", "wait=1"}, {"--count", count}), out.writing.get(),
                   err.writing.get());
    const bool alone = count == std::string("1");
    wait_for_guests(alone ? 1 : 2);
    for (const char* name : alone ? std::vector{"g"} : std::vector{"g-1", "g-2"}) wait_until_greeted(name);
    guests.signal(SIGTERM);
    EXPECT_EQ(guests.wait(), 128 + SIGTERM);
    err.writing.reset();
    EXPECT_NE(read_to_end(err.reading.get()).find("nobody read them"), std::string::npos);
  }
}

TEST_F(Streams, ASlowReaderGetsAllOfItThroughAStreamThatDoesNotBlock) {
  Pipe out = make_pipe();
  check(::fcntl(out.writing.get(), F_SETFL, O_NONBLOCK), "fcntl");
  fill_up(out.writing.get());
  Process guests(run_words("g", {"hello", "wait=1"}, {"--count", "2"}), out.writing.get(), -1);
  wait_for_guests(2);
  for (const char* name : {"g-1", "g-2"}) wait_until_greeted(name);
  ASSERT_EQ(samepage({"stop", "g-1", "g-2"}).code, 0);
  // Their output is in the command's hands, which can't get rid of it.
  out.writing.reset();
  const std::string seen = read_to_end(out.reading.get());
  EXPECT_EQ(guests.wait(), 128 + SIGTERM);
  for (const char* line : {"g-1: hello from samepage", "g-2: hello from samepage"}) {
    EXPECT_NE(seen.find(line), std::string::npos) << line;
  }
}

TEST_F(Streams, AFifoWithoutAReaderIsWaitedForUntilASignalComes) {
  const std::string fifo = directory_ + "/console";
  ASSERT_EQ(run({"/usr/bin/mkfifo", fifo}).code, 0);
  Process waiting(run_words("g", {"hello", "wait=1"}, {"--detach", "--console", fifo}), -1, -1);
  Process other(run_words("h", {"hello", "wait=1"}, {"--detach", "--console", fifo}), -1, -1);
  wait_until("signals are waited for", [&] { return blocks(waiting.pid(), SIGTERM); });
  waiting.signal(SIGTERM);
  EXPECT_EQ(waiting.wait(), 128 + SIGTERM);
  const UniqueFd reader = checked_fd(::open(fifo.c_str(), O_RDONLY | O_CLOEXEC), "open of a FIFO");
  EXPECT_EQ(other.wait(), 0);
  std::string seen;
  wait_until("the console comes", [&] {
    char byte = 0;
    while (::read(reader.get(), &byte, 1) == 1 && byte != '\n') seen += byte;
    return byte == '\n';
  });
  EXPECT_NE(seen.find("hello"), std::string::npos);
}

}  // namespace
}  // namespace samepage::system_test
