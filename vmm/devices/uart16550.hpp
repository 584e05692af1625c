// SPDX-License-Identifier: Apache-2.0
// A 16550 UART's registers, as far as a guest that prints needs them: what it sends goes to the console at
// once, so the transmitter is always empty; nothing is ever received; no interrupt is raised.
// National Semiconductor PC16550D data sheet, section 8.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "vmm/devices/console.hpp"
#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

class Uart16550 final : public PortDevice {
 public:
  static constexpr std::uint16_t ports = 8;

  /// The console must outlive it.
  explicit Uart16550(Console& console) : console_(console) {}

  void write(std::uint16_t offset, std::span<const std::byte> data) override;
  void read(std::uint16_t offset, std::span<std::byte> data) override;

 private:
  void write_register(unsigned number, std::uint8_t value);
  [[nodiscard]] std::uint8_t read_register(unsigned number) const;
  [[nodiscard]] bool divisor_latched() const;
  [[nodiscard]] std::uint8_t modem_status() const;

  Console& console_;
  std::mutex mutex_;
  std::array<std::uint8_t, 2> divisor_{1, 0};  // DLL, DLM
  std::uint8_t interrupt_enable_ = 0;
  std::uint8_t fifo_control_ = 0;
  std::uint8_t line_control_ = 0;
  std::uint8_t modem_control_ = 0;
  std::uint8_t scratch_ = 0;
};

}  // namespace samepage::vmm
