// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/console_link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <tuple>

#include "base/check.hpp"
#include "base/framing.hpp"
#include "base/pipe.hpp"

namespace samepage::cli {
namespace {

// All is put in place before the link runs, so that one thread is enough.
class Link : public testing::Test {
 protected:
  Link() { std::tie(ours_, guest_) = connected_sockets(); }
  void type(std::string_view text) {
    ASSERT_EQ(::write(input_.writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void guest_sends(vmm::ControlMessage type, std::string_view payload) {
    const std::string bytes = vmm::packed(type, payload);
    ASSERT_EQ(::send(guest_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  LinkEnd run() {
    return ConsoleLink(ours_.get(), input_.reading.get(), output_.writing.get(), signals_, {}).run();
  }
  // What is there now.
  static std::string read_from(int fd) {
    std::array<char, 65536> bytes{};
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

  vmm::StopSignals signals_;
  UniqueFd ours_, guest_;
  Pipe input_ = make_pipe();
  Pipe output_ = make_pipe();
};

TEST_F(Link, TheEscapeKeyDetachesAndWhatCameBeforeItIsSent) {
  type("ls\n\x1dignored");
  EXPECT_EQ(run().kind, LinkEnd::Kind::detached);
  EXPECT_EQ(read_from(guest_.get()), "ls\n");
}

TEST_F(Link, GoesOnAtTheEndOfTheInputUntilTheGuestEnds) {
  input_.writing.reset();
  guest_sends(vmm::ControlMessage::data, "one ");
  guest_sends(vmm::ControlMessage::data, "two");
  guest_sends(vmm::ControlMessage::answer, R"({"ok":true,"ended":true,"status":7})");
  const LinkEnd end = run();
  EXPECT_EQ(end.kind, LinkEnd::Kind::guest_ended);
  EXPECT_EQ(end.status, 7);
  EXPECT_EQ(read_from(output_.reading.get()), "one two");
}

TEST_F(Link, AGuestThatClosesWithoutAWordIsLost) {
  guest_sends(vmm::ControlMessage::data, "last");
  guest_.reset();
  EXPECT_EQ(run().kind, LinkEnd::Kind::lost);
  EXPECT_EQ(read_from(output_.reading.get()), "last");
}

TEST_F(Link, OutputThatNobodyReadsDoesNotMakeItDeafToKeysAndSignals) {
  check(::fcntl(output_.writing.get(), F_SETPIPE_SZ, 4096), "F_SETPIPE_SZ");
  guest_sends(vmm::ControlMessage::data, std::string(100'000, 'x'));
  ::raise(SIGTERM);
  const LinkEnd end = run();
  EXPECT_EQ(end.kind, LinkEnd::Kind::signal);
  EXPECT_EQ(end.status, SIGTERM);
  type("\x1d");
  EXPECT_EQ(run().kind, LinkEnd::Kind::detached);
}

TEST_F(Link, AWindowThatIsClosedDetaches) {
  int master = -1, slave = -1;
  check(::openpty(&master, &slave, nullptr, nullptr, nullptr), "openpty");
  UniqueFd window(master);
  const UniqueFd output(slave);
  ConsoleLink link(ours_.get(), input_.reading.get(), output.get(), signals_, {});
  window.reset();
  EXPECT_EQ(link.run().kind, LinkEnd::Kind::detached);
}

TEST_F(Link, SaysWhenNobodyCanReadItsOutput) {
  output_.reading.reset();
  EXPECT_THROW(run(), UserError);
}

}  // namespace
}  // namespace samepage::cli
