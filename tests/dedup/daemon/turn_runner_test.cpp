// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/turn_runner.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace samepage::dedup {
namespace {

class TurnRunnerTest : public testing::Test {
 protected:
  void add(int turns) {
    runner_.add(1, [this, turns](Turn&) mutable {
      order_ += 't';
      return --turns > 0;
    });
  }
  void tell(char what) {
    runner_.after_turns([this, what] { order_ += what; });
  }

  boost::asio::io_context io_;
  TurnRunner runner_{io_};
  std::string order_;
};

TEST_F(TurnRunnerTest, WhatComesAfterTurnsComesAfterAllThatThereAre) {
  add(2);
  tell('a');
  add(1);
  io_.run();
  EXPECT_EQ(order_, "ttta");
}

TEST_F(TurnRunnerTest, ItNeedsNoTurnToBeCalled) {
  tell('a');
  io_.run();
  EXPECT_EQ(order_, "a");
}

TEST_F(TurnRunnerTest, WorkWithoutAnEndDoesNotKeepItWaitingForLong) {
  tell('a');
  add(100);
  io_.run();
  EXPECT_LE(order_.find('a'), 8U);
}

TEST_F(TurnRunnerTest, WhatIsAddedByOneOfThemIsCalledToo) {
  runner_.after_turns([this] {
    order_ += 'a';
    tell('b');
    add(1);
  });
  io_.run();
  EXPECT_EQ(order_, "atb");
}

TEST_F(TurnRunnerTest, OneThatThrowsKeepsNobodyFromBeingCalled) {
  runner_.after_turns([] { throw std::runtime_error("as a test"); });
  tell('a');
  io_.run();
  EXPECT_EQ(order_, "a");
}

}  // namespace
}  // namespace samepage::dedup
