// SPDX-License-Identifier: Apache-2.0
// A 16550A UART: what the guest sends goes to the console at once, so the transmitter is always empty; what
// it is to receive comes by receive() and waits here until it is read. Interrupts as the data sheet has them,
// but for line and modem status, which never change. Timing (character times, the receiver's time-out) is
// left out: data is there as soon as the FIFO says so. National Semiconductor PC16550D data sheet, section 8.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "vmm/devices/console.hpp"
#include "vmm/devices/input_backlog.hpp"
#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

struct UartState {
  std::string received;  // that the guest has not read yet
  bool transmitter_ran_empty = false;
  bool line_up = false;
  std::array<std::uint8_t, 2> divisor{};
  std::uint8_t interrupt_enable = 0;
  std::uint8_t fifo_control = 0;
  std::uint8_t line_control = 0;
  std::uint8_t modem_control = 0;
  std::uint8_t scratch = 0;

  bool operator==(const UartState&) const = default;
};

class Uart16550 final : public PortDevice {
 public:
  static constexpr std::uint16_t ports = 8;
  /// What receive() keeps for a guest that does not read.
  static constexpr std::size_t receive_limit = 4096;
  /// Told when the interrupt line goes up (true) or down, on the thread that made it so; must not call the
  /// UART.
  using InterruptLine = std::function<void(bool up)>;

  /// The console must outlive it.
  explicit Uart16550(Console& console, InterruptLine line = {}) : console_(console), line_(std::move(line)) {}

  void write(std::uint16_t offset, std::span<const std::byte> data) override;
  void read(std::uint16_t offset, std::span<std::byte> data) override;

  /// Gives the guest input; any thread. Returns how many bytes were taken, fewer than there are when
  /// receive_limit is reached: offer the rest again later.
  std::size_t receive(std::span<const std::byte> input);
  /// InputBacklog::when_room; before the guest runs.
  void when_room(std::function<void()> room) { received_.when_room(std::move(room)); }

  [[nodiscard]] UartState save();
  /// Throws UserError when that is not a state of this device. Sets the interrupt line: before the state of
  /// the controller that it leads to is restored.
  void restore(const UartState& state);

 private:
  void write_register(unsigned number, std::uint8_t value);
  [[nodiscard]] std::uint8_t read_register(unsigned number);
  void send(std::uint8_t value);
  std::uint8_t take_received();
  [[nodiscard]] bool divisor_latched() const;
  [[nodiscard]] std::uint8_t modem_status() const;
  /// The most urgent interrupt that is enabled and pending, as the identification register has it.
  [[nodiscard]] std::uint8_t pending() const;
  void update_line();

  Console& console_;
  InterruptLine line_;
  std::mutex mutex_;  // save() and restore() have all that follows
  InputBacklog received_{receive_limit};
  bool transmitter_ran_empty_ = false;  // since the guest was last told
  bool line_up_ = false;
  std::array<std::uint8_t, 2> divisor_{1, 0};  // DLL, DLM
  std::uint8_t interrupt_enable_ = 0;
  std::uint8_t fifo_control_ = 0;
  std::uint8_t line_control_ = 0;
  std::uint8_t modem_control_ = 0;
  std::uint8_t scratch_ = 0;
};

}  // namespace samepage::vmm
