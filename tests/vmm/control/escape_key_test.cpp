// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/escape_key.hpp"

#include <gtest/gtest.h>

namespace samepage::vmm {
namespace {

using namespace std::string_view_literals;

EscapeKey key(std::string_view text) {
  return EscapeKey::parse(text).value();
}

TEST(EscapeKey, IsCtrlBracketUnlessAsked) {
  EXPECT_EQ(EscapeKey().name(), "Ctrl-]");
  EXPECT_EQ(EscapeKey().split("ls\r\x1d").for_guest, "ls\r");
  EXPECT_TRUE(EscapeKey().split("ls\r\x1d").escaped);
}

TEST(EscapeKey, EverythingElseIsTheGuests) {
  const std::string_view typed = "\x03\x04\x1b[A\0\xff"sv;
  EXPECT_EQ(EscapeKey().split(typed).for_guest, typed);
  EXPECT_FALSE(EscapeKey().split(typed).escaped);
}

TEST(EscapeKey, WhatIsBehindItIsDropped) {
  EXPECT_EQ(EscapeKey()
                .split("a\x1d"
                       "b\x1d")
                .for_guest,
            "a");
}

TEST(EscapeKey, ControlCharactersAreWrittenWithACaret) {
  EXPECT_EQ(key("^A").name(), "Ctrl-A");
  EXPECT_TRUE(key("^a").split("\x01").escaped);
  EXPECT_TRUE(key("^@").split("\0"sv).escaped);
  EXPECT_TRUE(key("^?").split("\x7f").escaped);
  EXPECT_EQ(key("^?").name(), "Ctrl-?");
  EXPECT_TRUE(key("^_").split("\x1f").escaped);
}

TEST(EscapeKey, MayBeACharacterOrNone) {
  EXPECT_EQ(key("~").split("a~").for_guest, "a");
  EXPECT_EQ(key("~").name(), "~");
  EXPECT_TRUE(key("^").split("^").escaped);
  EXPECT_FALSE(key("none").split("\x1d").escaped);
  EXPECT_EQ(key("none").name(), "");
}

TEST(EscapeKey, RefusesWhatIsNoKey) {
  for (const std::string_view text : {"", " ", "^1", "^~", "^]]", "ctrl-]", "\x1d", "\xe9", "NONE"}) {
    EXPECT_FALSE(EscapeKey::parse(text)) << text;
  }
}

}  // namespace
}  // namespace samepage::vmm
