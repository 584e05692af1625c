// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/virtio_console.hpp"

#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

constexpr std::uint64_t data = FakeDriver::data;

class VirtioConsoleTest : public testing::Test {
 protected:
  void SetUp() override { driver_.start(); }
  std::size_t type(std::string_view text) { return device_.type(std::as_bytes(std::span(text))); }

  std::string printed_;
  int wakes_ = 0;
  VirtioConsole device_{[this](std::string_view text) { printed_ += text; }, [this] { ++wakes_; }};
  FakeDriver driver_{device_};
};

TEST_F(VirtioConsoleTest, PrintsWhatTheGuestSends) {
  driver_.set_text(data, std::string(10'000, 'x') + "end");
  driver_.request(1, {{data, 10'000}, {data + 10'000, 3}});
  driver_.serve();
  EXPECT_EQ(printed_, std::string(10'000, 'x') + "end");
  EXPECT_EQ(driver_.finished(1), 1);
}

TEST_F(VirtioConsoleTest, WhatIsTypedWaitsForRoom) {
  EXPECT_EQ(type("ls\n"), 3U);
  EXPECT_EQ(wakes_, 1);
  driver_.serve();
  EXPECT_EQ(driver_.finished(0), 0);
  driver_.request(0, {{data, 2, write_flag}});
  driver_.serve();
  EXPECT_EQ(driver_.text(data, 2), "ls");
  EXPECT_EQ(driver_.last_written(0), 2U);
  driver_.request(0, {{data, 16, write_flag}});
  driver_.serve();
  EXPECT_EQ(driver_.text(data, 1), "\n");
  EXPECT_EQ(driver_.last_written(0), 1U);
}

TEST_F(VirtioConsoleTest, WhoWasTurnedAwayIsToldOnceThereIsRoom) {
  int told = 0;
  device_.when_room([&told] { ++told; });
  EXPECT_EQ(type(std::string(VirtioConsole::most_typed + 1, 'x')), VirtioConsole::most_typed);
  for (int i = 0; i < 7; ++i) driver_.request(0, {{data, 256, write_flag}});
  driver_.serve();
  EXPECT_EQ(told, 0);
  driver_.request(0, {{data, 256, write_flag}});
  driver_.serve();
  EXPECT_EQ(told, 1);
}

TEST_F(VirtioConsoleTest, TypingWithoutAReaderIsBounded) {
  for (int i = 0; i < 100; ++i) type(std::string(1000, 'x'));
  std::size_t received = 0;
  for (int i = 0; i < 100; ++i) {
    driver_.request(0, {{data, 256, write_flag}});
    driver_.serve();
    if (driver_.finished(0) == i + 1) received += driver_.last_written(0);
  }
  EXPECT_EQ(received, 4096U);
}

TEST_F(VirtioConsoleTest, WhatWasTypedIsReadByOneThatGoesOnFromItsState) {
  type("typed");
  driver_.request(0, {{data, 2, write_flag}});
  driver_.serve();
  VirtioConsole other({}, [] {});
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  driver.request(0, {{data, 16, write_flag}});
  driver.serve();
  EXPECT_EQ(driver.text(data, 3), "ped");
  EXPECT_EQ(driver.last_written(0), 3U);
}

// Saved at each moment of the print: what one has printed and what the other prints is all of it, once.
TEST_F(VirtioConsoleTest, OneThatGoesOnFromTheMiddleOfAPrintPrintsTheRest) {
  const std::string text = std::string(4096, 'a') + std::string(4096, 'b') + "c";
  driver_.set_text(data, text);
  std::string first;
  std::string rest;
  int parts = 0;
  FakeDriver* parent = nullptr;
  VirtioConsole printer(
      [&](std::string_view part) {
        first += part;
        if (++parts != 2) return;
        VirtioConsole other([&rest](std::string_view more) { rest += more; }, [] {});
        FakeDriver driver(other);
        ASSERT_EQ(driver.go_on_from(*parent), "");
        driver.serve();
        EXPECT_EQ(driver.finished(1), 1);
        EXPECT_EQ(first + rest, text);
        driver.request(1, {{data, 3}});
        driver.serve();
        EXPECT_EQ(first + rest, text + "aaa") << "only the chain that was being printed is shortened";
      },
      [] {});
  FakeDriver driver(printer);
  parent = &driver;
  driver.start();
  driver.set_text(data, text);
  driver.request(1, {{data, static_cast<std::uint32_t>(text.size())}});
  driver.serve();
  EXPECT_EQ(parts, 3);
  EXPECT_EQ(first, text);
}

TEST_F(VirtioConsoleTest, MoreInputThanFitsIsNotAState) {
  EXPECT_TRUE(device_.restore(VirtioConsoleState{std::string(VirtioConsole::most_typed + 1, 'x'), 0}));
  EXPECT_TRUE(device_.restore(BlockState{}));
}

}  // namespace
}  // namespace samepage::vmm::test
