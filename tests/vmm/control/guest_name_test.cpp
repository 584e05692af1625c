// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_name.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

TEST(GuestName, LettersDigitsDotUnderscoreAndDashAreGood) {
  for (const char* name : {"a", "web-1", "A.b_C-9", "_x", "7"}) EXPECT_TRUE(is_guest_name(name)) << name;
}

TEST(GuestName, OtherCharactersAreNot) {
  for (const char* name : {"", "a b", "a/b", "ä", "a\n", "a:b", "../x"})
    EXPECT_FALSE(is_guest_name(name)) << name;
}

TEST(GuestName, NamesThatLookLikeOptionsOrHiddenFilesAreNot) {
  for (const char* name : {"-x", ".x", ".", ".."}) EXPECT_FALSE(is_guest_name(name)) << name;
}

TEST(GuestName, MayHave63Characters) {
  EXPECT_TRUE(is_guest_name(std::string(63, 'a')));
  EXPECT_FALSE(is_guest_name(std::string(64, 'a')));
}

TEST(GuestName, ABadOneIsExplained) {
  EXPECT_THROW(require_guest_name("no/name"), UserError);
  EXPECT_NO_THROW(require_guest_name("name"));
}

TEST(GuestName, OfAnImageIsItsLastPartMadeGood) {
  EXPECT_EQ(base_name_of_image("fill"), "fill");
  EXPECT_EQ(base_name_of_image("/srv/my images/hello world.elf"), "hello-world.elf");
  EXPECT_EQ(base_name_of_image("./.hidden"), "hidden");
  EXPECT_EQ(base_name_of_image("/"), "guest");
  EXPECT_TRUE(is_guest_name(base_name_of_image(std::string(300, 'x')) + "-1234567"));
}

}  // namespace
}  // namespace samepage::vmm
