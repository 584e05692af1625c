// SPDX-License-Identifier: Apache-2.0
// The port that ends the guest: the byte written is its exit code.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

class DebugExit final : public PortDevice {
 public:
  using OnExit = std::function<void(int code)>;

  explicit DebugExit(OnExit on_exit) : on_exit_(std::move(on_exit)) {}

  void write(std::uint16_t /*offset*/, std::span<const std::byte> data) override {
    on_exit_(std::to_integer<int>(data.front()));
  }
  void read(std::uint16_t /*offset*/, std::span<std::byte> data) override {
    std::fill(data.begin(), data.end(), std::byte{0});
  }

 private:
  OnExit on_exit_;
};

}  // namespace samepage::vmm
