// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace samepage::dedup {
namespace {

wire::Hello sound_hello() {
  wire::Hello hello;
  hello.pages = 10;
  std::strcpy(hello.guest, "web");
  std::strcpy(hello.domain, "default");
  return hello;
}

bool is_hello(const wire::Hello& hello) {
  return std::holds_alternative<wire::Hello>(read_hello(wire::bytes_of(hello)));
}

TEST(Handshake, ASoundHelloIsRead) {
  EXPECT_TRUE(is_hello(sound_hello()));
}

TEST(Handshake, WhatIsNotAHelloBreaksTheProtocol) {
  EXPECT_TRUE(std::holds_alternative<NoHello>(read_hello({})));
  wire::Hello hello = sound_hello();
  hello.magic = 7;
  EXPECT_TRUE(std::holds_alternative<NoHello>(read_hello(wire::bytes_of(hello))));
  hello = sound_hello();
  hello.pages = 0;
  EXPECT_FALSE(is_hello(hello));
  hello.pages = wire::max_pages + 1;
  EXPECT_FALSE(is_hello(hello));
  hello = sound_hello();
  hello.guest[0] = '/';
  EXPECT_FALSE(is_hello(hello));
  hello = sound_hello();
  std::memset(hello.domain, 'x', sizeof(hello.domain));
  EXPECT_FALSE(is_hello(hello)) << "a name without an end";
}

TEST(Handshake, AnotherVersionIsToldWhatToInstall) {
  wire::Hello hello = sound_hello();
  hello.version = wire::version + 1;
  const auto read = read_hello(wire::bytes_of(hello));
  ASSERT_TRUE(std::holds_alternative<UnknownVersion>(read));
  EXPECT_THAT(std::get<UnknownVersion>(read).reason, testing::HasSubstr("same release"));
}

TEST(Handshake, FormerVersionsAreUnderstood) {
  for (const std::uint32_t version :
       {wire::version_without_shortages, wire::version_without_turns, wire::version_without_paging}) {
    wire::Hello hello = sound_hello();
    hello.version = version;
    EXPECT_TRUE(is_hello(hello)) << version;
  }
}

TEST(Handshake, AFormerVersionIsWelcomedInItsOwnWords) {
  SessionHost::Membership membership;
  membership.max_frames = 77;
  membership.number = 5;
  const auto now = wire::read_one<wire::Welcome>(make_welcome(membership, {}, wire::version));
  ASSERT_TRUE(now);
  EXPECT_EQ(now->membership, 5U);
  const auto last = wire::read_one<wire::Welcome>(make_welcome(membership, {}, wire::version_without_paging));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->version, wire::version_without_paging);
  EXPECT_EQ(last->membership, 5U);
  const auto older = wire::read_one<wire::Welcome>(make_welcome(membership, {}, wire::version_without_turns));
  ASSERT_TRUE(older);
  EXPECT_EQ(older->version, wire::version_without_turns);
  const auto former = wire::read_one<wire::FormerWelcome>(make_welcome(membership, {}, wire::former_version));
  ASSERT_TRUE(former);
  EXPECT_EQ(former->version, wire::former_version);
  EXPECT_EQ(former->max_frames, 77U);
}

}  // namespace
}  // namespace samepage::dedup
