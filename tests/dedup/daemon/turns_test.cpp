// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/turns.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace samepage::dedup {
namespace {

TEST(Turns, AUserWithMuchToDoHasOneTurnAfterTheOthers) {
  Turns turns;
  std::string order;
  for (int i = 0; i < 100; ++i) {
    turns.add(1, [&](Turn&) {
      order += 'a';
      return true;  // without end
    });
  }
  for (int i = 0; i < 3; ++i) {
    turns.add(2, [&](Turn&) {
      order += 'b';
      return false;
    });
  }
  for (int i = 0; i < 8; ++i) turns.give_one();
  EXPECT_EQ(order,
            "ababa"
            "baa");
}

TEST(Turns, WhatHasMoreToDoComesAgainBehindTheUsersOtherWork) {
  Turns turns;
  std::string order;
  int left = 2;
  turns.add(1, [&](Turn&) {
    order += 'a';
    return --left > 0;
  });
  turns.add(1, [&](Turn&) {
    order += 'b';
    return false;
  });
  while (turns.any()) turns.give_one();
  EXPECT_EQ(order, "aba");
}

TEST(Turns, AFailureEndsThatWorkAlone) {
  Turns turns;
  bool done = false;
  turns.add(1, [](Turn&) -> bool { throw std::runtime_error("no memory"); });
  turns.add(1, [&](Turn&) {
    done = true;
    return false;
  });
  EXPECT_THROW(turns.give_one(), std::runtime_error);
  turns.give_one();
  EXPECT_TRUE(done);
  EXPECT_FALSE(turns.any());
}

}  // namespace
}  // namespace samepage::dedup
