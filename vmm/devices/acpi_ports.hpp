// SPDX-License-Identifier: Apache-2.0
// The registers that end a guest the ACPI way: sleep control, sleep status and reset, a byte each; and the
// reset line that PCs have on their keyboard controller. ACPI 6.5, 4.8.3.6 and 4.8.3.7.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

enum class PowerEvent : std::uint8_t { off, reset };
/// Called on a vCPU's thread, possibly again and again.
using OnPowerEvent = std::function<void(PowerEvent)>;

class AcpiPorts final : public PortDevice {
 public:
  static constexpr std::uint16_t ports = 3;

  struct Values {
    std::uint8_t power_off = 0;  // what the sleep control register must get
    std::uint8_t reset = 0;      // what the reset register must get
  };

  AcpiPorts(Values values, OnPowerEvent on_event) : values_(values), on_event_(std::move(on_event)) {}

  void write(std::uint16_t offset, std::span<const std::byte> data) override {
    for (const std::byte byte : data) write_register(offset++, std::to_integer<std::uint8_t>(byte));
  }
  // The status says that nothing woke the guest up; the others can't be read.
  void read(std::uint16_t /*offset*/, std::span<std::byte> data) override {
    std::fill(data.begin(), data.end(), std::byte{0});
  }

 private:
  void write_register(unsigned number, std::uint8_t value) {
    if (number == 0 && value == values_.power_off) on_event_(PowerEvent::off);
    if (number == 2 && value == values_.reset) on_event_(PowerEvent::reset);
  }

  Values values_;
  OnPowerEvent on_event_;
};

/// Port 0x64 of a keyboard controller that has no keyboard: only its command to pulse the CPUs' reset line.
class KeyboardReset final : public PortDevice {
 public:
  static constexpr std::uint16_t port = 0x64;

  explicit KeyboardReset(OnPowerEvent on_event) : on_event_(std::move(on_event)) {}

  void write(std::uint16_t /*offset*/, std::span<const std::byte> data) override {
    constexpr std::byte pulse_reset{0xfe};
    if (data.front() == pulse_reset) on_event_(PowerEvent::reset);
  }
  // Ready for a command, nothing to read.
  void read(std::uint16_t /*offset*/, std::span<std::byte> data) override {
    std::fill(data.begin(), data.end(), std::byte{0});
  }

 private:
  OnPowerEvent on_event_;
};

}  // namespace samepage::vmm
