// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/demo_fork_report.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "base/check.hpp"

namespace samepage::cli {
namespace {

WarmAnswer answer(const std::string& generation, const std::string& state = "warm") {
  return warm_answer_of("answer 1: " + state + ", sum 0xe4d39d4cdbd6384c, generation " + generation);
}

ForkDemoResult result() {
  ForkDemoResult result;
  result.cold_ms = 1200;
  result.fork_ms = 40;
  result.parent = answer("0xd9674bac74ecd6b7 0x891c7f84c2aa831b");
  result.clones = {{"warm-1", answer("0x1 0x2"), 600 << 10, 300 << 10},
                   {"warm-2", answer("0x1 0x3"), 400 << 10, 100 << 10}};
  result.warm_again = true;
  return result;
}

TEST(ForkDemo, AnAnswerIsTakenApart) {
  const WarmAnswer one = answer("0x1 0x2");
  EXPECT_TRUE(one.warm);
  EXPECT_EQ(one.sum, "0xe4d39d4cdbd6384c");
  EXPECT_EQ(one.generation, "0x1 0x2");
  EXPECT_FALSE(answer("0x1 0x2", "changed").warm);
  EXPECT_THROW(static_cast<void>(warm_answer_of("answer 1: warm")), UserError);
  EXPECT_THROW(static_cast<void>(warm_answer_of("")), UserError);
}

TEST(ForkDemo, WhatIsWrongIsTold) {
  EXPECT_EQ(result().problem(), "");
  ForkDemoResult cold = result();
  cold.clones[1].answer = answer("0x1 0x3", "changed");
  EXPECT_NE(cold.problem().find("warm-2"), std::string::npos);
  ForkDemoResult other = result();
  other.clones[0].answer.sum = "0x1";
  EXPECT_NE(other.problem().find("warm-1"), std::string::npos);
  ForkDemoResult twins = result();
  twins.clones[1].answer.generation = twins.parent.generation;
  EXPECT_NE(twins.problem().find("generation"), std::string::npos);
  ForkDemoResult stale = result();
  stale.warm_again = false;
  EXPECT_NE(stale.problem().find("rolled back"), std::string::npos);
}

TEST(ForkDemo, TheFiguresAreThoseOfAClone) {
  EXPECT_DOUBLE_EQ(result().clone_ms(), 20);
  EXPECT_DOUBLE_EQ(result().gain(), 60);
  EXPECT_EQ(result().pss_bytes(), 500U << 10);
  EXPECT_EQ(result().to_json().at("clones").at(1).at("pss_anon_bytes"), 100 << 10);
  std::istringstream lines(result().times() + result().table() + result().last_lines());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace samepage::cli
