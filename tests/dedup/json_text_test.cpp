// SPDX-License-Identifier: Apache-2.0
#include "dedup/json_text.hpp"

#include <gtest/gtest.h>

namespace samepage::dedup {
namespace {

TEST(JsonText, BytesThatAreNotUtf8AreReplacedInNamesAndValues) {
  const nlohmann::json body{{"\xff", "a\xc3"}, {"plain", "\xc3\xa4"}};
  const std::string text = json_text(body);
  const nlohmann::json back = nlohmann::json::parse(text, nullptr, false);
  ASSERT_TRUE(back.is_object()) << text;
  EXPECT_EQ(back.at("plain"), "\xc3\xa4");
  EXPECT_EQ(back.at("\xef\xbf\xbd"), "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace samepage::dedup
