// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace samepage::vmm {
namespace {

class ConsoleOutput : public testing::Test {
 protected:
  void put(std::string_view text) {
    for (const char byte : text) console_.put(byte);
  }
  std::vector<std::string> writes_;
  Console console_{[this](std::string_view text) { writes_.emplace_back(text); }};
};

TEST_F(ConsoleOutput, WaitsForTheLine) {
  put("no line");
  console_.flush_lines();
  EXPECT_TRUE(writes_.empty());
  put(" yet\n");
  console_.flush_lines();
  EXPECT_THAT(writes_, testing::ElementsAre("no line yet\n"));
}

TEST_F(ConsoleOutput, HandsOnSeveralLinesAtOnce) {
  put("one\ntwo\nthr");
  console_.flush_lines();
  console_.flush_lines();
  EXPECT_THAT(writes_, testing::ElementsAre("one\ntwo\nthr"));
}

TEST_F(ConsoleOutput, DoesNotWaitForTheEndOfALongLine) {
  put(std::string(1024, 'x'));
  console_.flush_lines();
  EXPECT_EQ(writes_.size(), 1U);
}

TEST_F(ConsoleOutput, FlushHandsOnWhatThereIs) {
  console_.flush();
  EXPECT_TRUE(writes_.empty());
  put("rest");
  console_.flush();
  EXPECT_THAT(writes_, testing::ElementsAre("rest"));
}

TEST_F(ConsoleOutput, AWitnessSeesAPromptAtOnce) {
  std::string seen;
  console_.show_at_once([&seen](std::string_view text) { seen += text; });
  put("login: ");
  console_.flush_lines();
  EXPECT_EQ(seen, "login: ");
  EXPECT_TRUE(writes_.empty());
}

TEST(Console, WithoutASinkOutputDoesNotCrashIt) {
  Console console(nullptr);
  console.put('\n');
  console.flush_lines();
}

TEST(ConsoleState, ALineWithoutItsEndGoesOnElsewhere) {
  Console parent(nullptr);
  parent.put("half a li");
  std::string printed;
  Console child([&printed](std::string_view text) { printed += text; });
  child.restore(parent.save());
  EXPECT_EQ(child.save(), parent.save());
  child.flush_lines();
  EXPECT_EQ(printed, "");
  child.put("ne\n");
  child.flush_lines();
  EXPECT_EQ(printed, "half a line\n");
}

TEST(ConsoleState, ACompleteLineIsHandedOn) {
  Console parent(nullptr);
  parent.put("a line\n");
  std::string printed;
  Console child([&printed](std::string_view text) { printed += text; });
  child.restore(parent.save());
  child.flush_lines();
  EXPECT_EQ(printed, "a line\n");
}

}  // namespace
}  // namespace samepage::vmm
