// SPDX-License-Identifier: Apache-2.0
// The ports that end the guest: the value written is its exit code (QEMU's isa-debug-exit makes 2 * value + 1
// of it). A program can end with 0 to 255: what is more becomes 255, so that no failure looks like success.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

class DebugExit final : public PortDevice {
 public:
  static constexpr std::uint16_t ports = 4;
  using OnExit = std::function<void(int code)>;

  explicit DebugExit(OnExit on_exit) : on_exit_(std::move(on_exit)) {}

  void write(std::uint16_t /*offset*/, std::span<const std::byte> data) override {
    std::uint32_t value = 0;
    std::memcpy(&value, data.data(), std::min(data.size(), sizeof(value)));
    on_exit_(static_cast<int>(std::min(value, 255U)));
  }
  void read(std::uint16_t /*offset*/, std::span<std::byte> data) override {
    std::fill(data.begin(), data.end(), std::byte{0});
  }

 private:
  OnExit on_exit_;
};

}  // namespace samepage::vmm
