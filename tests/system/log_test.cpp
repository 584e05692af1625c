// SPDX-License-Identifier: Apache-2.0
// Where processes tell what happened whose standard error nobody hears.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

using Log = Host;

TEST_F(Log, ADaemonThatRunHasStartedHasOneAndStatTellsWhere) {
  kill_daemon();
  start("web", {"hello", "wait=1"});  // detached, and starts a daemon
  const std::string path = directory_ + "/samepage.log";
  EXPECT_EQ(ask({"stat"}).at("daemon").at("log"), path);
  EXPECT_EQ(guest_figures("web").at("log"), path);
  EXPECT_NE(samepage({"stat"}).out.find(path), std::string::npos);
  const auto log = [&] {
    std::ifstream file(path);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  for (const char* event : {": guest web (process ", " guest web[", ": it has joined a daemon\n"}) {
    wait_until(std::string("the log tells: ") + event,
               [&] { return log().find(event) != std::string::npos; });
  }
  samepage({"stop", "web"});
  wait_until("how the guest ended is told",
             [&] { return log().find(": it has ended: stopped") != std::string::npos; });
}

TEST_F(Log, WithoutRoomForItGuestsRunAndAreMerged) {
  kill_daemon();
  const std::string log = directory_ + "/samepage.log";
  std::filesystem::remove(log);            // the daemon has made it where the tests have no output
  std::filesystem::create_directory(log);  // nothing can be written there
  start("web", {"hello", "wait=1"});
  EXPECT_TRUE(guest_figures("web").at("connected").get<bool>());
}

}  // namespace
}  // namespace samepage::system_test
