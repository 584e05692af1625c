// SPDX-License-Identifier: Apache-2.0
// Commands for several guests, of which some are gone or hang, and clients that hold up nobody.
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/framing.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class ManyGuests : public Host {
 protected:
  pid_t pid_of(const std::string& name) const {
    for (const auto& guest : ask({"ps"})) {
      if (guest.at("name") == name) return guest.at("pid").get<pid_t>();
    }
    ADD_FAILURE() << "no guest " << name;
    return -1;
  }
};

TEST_F(ManyGuests, OneThatIsMissingKeepsNothingFromTheOthers) {
  for (const char* name : {"a", "c"}) start(name, {"hello", "wait=1"}, {"--mem", "16M"});
  for (const char* verb : {"pause", "resume", "stop"}) {
    const Finished told = samepage({verb, "a", "b", "c"});
    EXPECT_EQ(told.code, 1) << verb;
    EXPECT_NE(told.err.find("no guest 'b'"), std::string::npos) << told.err;
    for (const auto& guest : ask({"ps"})) {
      EXPECT_EQ(guest.at("state"), verb == std::string("pause") ? "paused" : "running") << guest;
    }
  }
  EXPECT_TRUE(ask({"ps"}).empty());
}

TEST_F(ManyGuests, ThoseThatHangAreListedAndKilled) {
  for (const char* name : {"a", "b", "c"}) start(name, {"hello", "wait=1"}, {"--mem", "16M"});
  for (const pid_t pid : {pid_of("a"), pid_of("b")}) ::kill(pid, SIGSTOP);
  const auto guests = ask({"ps"});
  ASSERT_EQ(guests.size(), 3U);
  EXPECT_EQ(guests[0].at("state"), "not answering");
  EXPECT_GT(guests[1].at("pid").get<pid_t>(), 0);
  EXPECT_EQ(guests[2].at("state"), "running");
  EXPECT_EQ(samepage({"kill", "a", "nobody", "b"}).code, 1);
  EXPECT_EQ(ask({"ps"}).size(), 1U);
}

TEST_F(ManyGuests, AClientThatSendsAByteNowAndThenHoldsUpNobody) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M"});
  const UniqueFd slow = connect_local(directory_ + "/guests/a.sock");
  ASSERT_TRUE(slow);
  const MessageHeader header{1000, 1};  // of a request that is never whole
  ASSERT_EQ(::send(slow.get(), &header, sizeof(header), 0), static_cast<ssize_t>(sizeof(header)));
  std::atomic<bool> done = false;
  std::thread drip([&] {
    while (!done && ::send(slow.get(), "\1", 1, MSG_NOSIGNAL) == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  EXPECT_EQ(ask({"ps"}).at(0).value("state", ""), "running");
  EXPECT_EQ(samepage({"stop", "a"}).code, 0);
  done = true;
  drip.join();
}

}  // namespace
}  // namespace samepage::system_test
