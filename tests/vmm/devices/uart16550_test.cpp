// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/uart16550.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

class Uart : public testing::Test {
 protected:
  void write(std::uint16_t offset, unsigned value) {
    const std::array data{static_cast<std::byte>(value)};
    uart_.write(offset, data);
  }
  unsigned read(std::uint16_t offset) {
    std::array<std::byte, 1> data{};
    uart_.read(offset, data);
    return std::to_integer<unsigned>(data[0]);
  }
  std::string printed() {
    console_.flush();
    return printed_;
  }

  std::size_t receive(std::string_view text) { return uart_.receive(std::as_bytes(std::span(text))); }
  bool line_ = false;
  int raised_ = 0;

 private:
  std::string printed_;
  Console console_{[this](std::string_view text) { printed_ += text; }};

 protected:
  Uart16550 uart_{console_, [this](bool up) {
                    line_ = up;
                    raised_ += up ? 1 : 0;
                  }};
};

TEST_F(Uart, SendsToTheConsole) {
  for (const char byte : {'h', 'i'}) write(0, static_cast<unsigned>(byte));
  EXPECT_EQ(printed(), "hi");
}

TEST_F(Uart, TransmitterIsAlwaysEmptyAndNothingIsReceived) {
  EXPECT_EQ(read(5), 0x60U);
  EXPECT_EQ(read(0), 0U);
}

TEST_F(Uart, DivisorLatchHidesDataAndInterruptEnable) {
  write(1, 0x05);
  write(3, 0x83);
  write(0, 0x0c);
  write(1, 0x01);
  EXPECT_EQ(read(0), 0x0cU);
  EXPECT_EQ(read(1), 0x01U);
  write(3, 0x03);
  EXPECT_EQ(read(1), 0x05U);
  EXPECT_EQ(printed(), "");
}

TEST_F(Uart, InterruptIdShowsFifosAndNothingPending) {
  EXPECT_EQ(read(2), 0x01U);
  write(2, 0x07);
  EXPECT_EQ(read(2), 0xc1U);
}

TEST_F(Uart, RegistersKeepTheirBits) {
  write(1, 0xff);
  EXPECT_EQ(read(1), 0x0fU);
  write(4, 0xff);
  EXPECT_EQ(read(4), 0x1fU);
  write(7, 0xa5);
  EXPECT_EQ(read(7), 0xa5U);
}

TEST_F(Uart, StatusRegistersCannotBeWritten) {
  write(5, 0);
  write(6, 0);
  EXPECT_EQ(read(5), 0x60U);
  EXPECT_EQ(read(6), 0xb0U);
}

// The test by which Linux tells a UART from nothing.
TEST_F(Uart, LoopbackShowsTheControlLinesAndSendsNothing) {
  write(4, 0x1a);
  EXPECT_EQ(read(6) & 0xf0U, 0x90U);
  write(0, 'x');
  write(4, 0);
  EXPECT_EQ(printed(), "");
}

TEST_F(Uart, ReceivesInOrder) {
  EXPECT_EQ(receive("ab"), 2U);
  EXPECT_EQ(read(5), 0x61U);
  EXPECT_EQ(read(0), 'a');
  EXPECT_EQ(read(0), 'b');
  EXPECT_EQ(read(5), 0x60U);
}

TEST_F(Uart, InputInterruptsUntilItIsRead) {
  write(1, 0x01);
  EXPECT_FALSE(line_);
  receive("ab");
  EXPECT_TRUE(line_);
  EXPECT_EQ(read(2), 0x04U);
  EXPECT_EQ(read(0), 'a');
  EXPECT_TRUE(line_);
  EXPECT_EQ(read(0), 'b');
  EXPECT_FALSE(line_);
  EXPECT_EQ(read(2), 0x01U);
  EXPECT_EQ(raised_, 1);
}

TEST_F(Uart, InputWaitsForItsInterruptToBeEnabled) {
  receive("a");
  EXPECT_FALSE(line_);
  write(1, 0x01);
  EXPECT_TRUE(line_);
}

TEST_F(Uart, EmptyTransmitterInterruptsOnceForEachSend) {
  write(1, 0x02);
  EXPECT_TRUE(line_);
  EXPECT_EQ(read(2), 0x02U);
  EXPECT_FALSE(line_);
  EXPECT_EQ(read(2), 0x01U);
  write(0, 'x');
  EXPECT_TRUE(line_);
  EXPECT_EQ(read(2), 0x02U);
  EXPECT_FALSE(line_);
}

TEST_F(Uart, InputComesBeforeTheTransmitter) {
  write(1, 0x03);
  receive("a");
  EXPECT_EQ(read(2), 0x04U);
  read(0);
  EXPECT_EQ(read(2), 0x02U);
  EXPECT_FALSE(line_);
}

TEST_F(Uart, InputIsBoundedAndClearedWithTheFifo) {
  EXPECT_EQ(receive(std::string(Uart16550::receive_limit + 5, 'x')), Uart16550::receive_limit);
  EXPECT_EQ(receive("y"), 0U);
  write(1, 0x01);
  write(2, 0x03);
  EXPECT_FALSE(line_);
  EXPECT_EQ(read(5), 0x60U);
  EXPECT_EQ(receive("y"), 1U);
}

TEST_F(Uart, WhoWasTurnedAwayIsToldOnceThereIsRoom) {
  int told = 0;
  uart_.when_room([&told] { ++told; });
  receive(std::string(Uart16550::receive_limit, 'x'));
  read(0);
  EXPECT_EQ(receive("yz"), 1U);
  for (std::size_t i = 0; i < Uart16550::receive_limit / 2 - 1; ++i) read(0);
  EXPECT_EQ(told, 0);
  read(0);
  EXPECT_EQ(told, 1);
  for (std::size_t i = 0; i < Uart16550::receive_limit / 2; ++i) read(0);
  EXPECT_EQ(told, 1);
  receive(std::string(Uart16550::receive_limit + 1, 'x'));
  write(2, 0x03);
  EXPECT_EQ(told, 2);
}

TEST_F(Uart, LoopbackReceivesWhatItSends) {
  write(4, 0x10);
  write(0, 'x');
  EXPECT_EQ(read(0), 'x');
  EXPECT_EQ(printed(), "");
}

TEST_F(Uart, AnotherOneGoesOnFromItsState) {
  write(3, 0x80);
  write(0, 0x0c);
  write(1, 0x02);
  write(3, 0x1b);
  write(2, 0x01);
  write(4, 0x0b);
  write(7, 0xa5);
  write(1, 0x03);
  receive("typed");
  EXPECT_EQ(read(0), 't');
  std::string printed;
  Console console([&printed](std::string_view text) { printed += text; });
  bool line = false;
  Uart16550 other(console, [&line](bool up) { line = up; });
  const UartState state = uart_.save();
  other.restore(state);
  EXPECT_EQ(other.save(), state);
  EXPECT_TRUE(line);
  const auto read_other = [&other](std::uint16_t offset) {
    std::array<std::byte, 1> data{};
    other.read(offset, data);
    return std::to_integer<unsigned>(data[0]);
  };
  for (std::uint16_t number = 1; number < 8; ++number) EXPECT_EQ(read_other(number), read(number)) << number;
  for (const char byte : {'y', 'p', 'e', 'd'}) EXPECT_EQ(read_other(0), static_cast<unsigned>(byte));
  EXPECT_EQ(read_other(2), 0xc2U) << "the transmitter's interrupt has waited";
  EXPECT_FALSE(line);
}

TEST_F(Uart, EachRegisterIsPartOfTheState) {
  receive("x");
  UartState state{"abc", true, true, {3, 4}, 5, 6, 7, 8, 9};
  uart_.restore(state);
  EXPECT_EQ(uart_.save(), state);
  EXPECT_TRUE(line_);
}

TEST_F(Uart, MoreInputThanFitsIsNotAState) {
  UartState state;
  state.received.assign(Uart16550::receive_limit + 1, 'x');
  EXPECT_THROW(uart_.restore(state), UserError);
}

}  // namespace
}  // namespace samepage::vmm
