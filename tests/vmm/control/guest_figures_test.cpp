// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_figures.hpp"

#include <gtest/gtest.h>

namespace samepage::vmm {
namespace {

TEST(GuestFigures, TheFullAnswerHasEachFigureUnderItsKey) {
  GuestFigures values;
  values.name = "web-1";
  values.private_bytes = 4096;
  values.connected = true;
  values.kept_out = "by the policy";
  values.balloon = {{"actual_bytes", 7}};
  const nlohmann::json body = to_json(values, Told::full);
  for (const GuestFigure& figure : guest_figures()) {
    EXPECT_TRUE(body.contains(std::string(figure.figure.key))) << figure.figure.key;
  }
  EXPECT_EQ(body["name"], "web-1");
  EXPECT_EQ(body["private_bytes"], 4096);
  EXPECT_EQ(body["connected"], true);
  EXPECT_EQ(body["balloon"]["actual_bytes"], 7);
}

TEST(GuestFigures, TheBriefAnswerHasWhatNoPageTableIsAskedFor) {
  const nlohmann::json body = to_json(GuestFigures{}, Told::brief);
  EXPECT_EQ(body.size(), 8U) << body;
  EXPECT_FALSE(body.contains("private_bytes"));
}

TEST(GuestFigures, AGuestWithoutABalloonHasNoSuchKey) {
  EXPECT_FALSE(to_json(GuestFigures{}, Told::full).contains("balloon"));
}

TEST(GuestFigures, FormerKeysStillHaveTheValue) {
  GuestFigures values;
  values.holds = 3;
  values.hold_max_us = 450;
  const nlohmann::json body = to_json(values, Told::full);
  EXPECT_EQ(body["stops"], 3);
  EXPECT_EQ(body["stop_max_us"], 450);
}

}  // namespace
}  // namespace samepage::vmm
