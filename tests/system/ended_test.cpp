// SPDX-License-Identifier: Apache-2.0
// How a detached guest ended, and what it printed last, can be asked when it is gone.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

using testing::HasSubstr;

class Ended : public Host {};

TEST_F(Ended, AGuestsOutputAndExitCodeCanBeAsked) {
  start("a", {"hello", "exit=9"});
  const auto end = end_of("a");
  EXPECT_EQ(end.at("exit_code"), 9);
  EXPECT_EQ(end.at("how"), "exited");
  EXPECT_TRUE(ask({"ps"}).empty());
  const Finished logs = samepage({"logs", "a"});
  EXPECT_EQ(logs.code, 0);
  EXPECT_THAT(logs.out, HasSubstr("hello from samepage"));
  EXPECT_THAT(logs.err, HasSubstr("with exit code 9"));
  EXPECT_THAT(ask({"logs", "a"}).at("output").get<std::string>(), HasSubstr("hello from samepage"));
  EXPECT_THAT(samepage({"stop", "a"}).err, HasSubstr("'samepage logs a'"));
}

TEST_F(Ended, SoCanWhyItFailedOrWasStopped) {
  start("f", {"misbehave", "how=triple-fault"});
  EXPECT_EQ(end_of("f").at("exit_code"), 125);
  EXPECT_THAT(end_of("f").at("reason").get<std::string>(), HasSubstr("triple fault"));
  start("s", {"hello", "wait=1"});
  ASSERT_EQ(samepage({"stop", "s"}).code, 0);
  EXPECT_EQ(end_of("s").at("how"), "stopped");
  start("k", {"hello", "wait=1"});
  ASSERT_EQ(samepage({"kill", "k"}).code, 0);
  EXPECT_EQ(end_of("k").at("exit_code"), 137);
  EXPECT_THAT(end_of("k").at("reason").get<std::string>(), HasSubstr("samepage kill"));
  start("o", {"hello", "wait=1"});
  ::kill(guest_figures("o").at("pid").get<pid_t>(), SIGKILL);
  EXPECT_EQ(end_of("o").at("how"), "killed");
  EXPECT_EQ(end_of("o").at("ended_at"), nullptr);
}

TEST_F(Ended, ANameThatIsUsedAgainForgetsTheOneBefore) {
  start("a", {"hello", "exit=9"});
  end_of("a");
  start("a", {"hello", "wait=1"});
  EXPECT_EQ(ask({"ps", "--all"}).size(), 1U);
  EXPECT_EQ(samepage({"logs", "a"}).err, "");
  ASSERT_EQ(samepage({"kill", "a"}).code, 0);
  EXPECT_EQ(samepage({"run", "--name", "a", "hello"}).code, 0);
  EXPECT_TRUE(ask({"ps", "--all"}).empty()) << "what one in the foreground did its user has seen";
}

}  // namespace
}  // namespace samepage::system_test
