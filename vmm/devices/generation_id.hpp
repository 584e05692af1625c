// SPDX-License-Identifier: Apache-2.0
// The number that tells a guest which of several it is that go on from one moment: 16 random bytes, new
// whenever a machine is made. A guest reads them at as many ports; whoever makes the machine also puts them
// where ACPI tells a stock kernel of them (Microsoft's "Virtual Machine Generation ID").
#pragma once

#include <array>

#include "guest/abi.hpp"
#include "vmm/devices/port_bus.hpp"

namespace samepage::vmm {

using GenerationBytes = std::array<std::byte, abi::generation_bytes>;

class GenerationId final : public PortDevice {
 public:
  static constexpr std::uint16_t ports = abi::generation_bytes;

  explicit GenerationId(const GenerationBytes& bytes) : bytes_(bytes) {}

  [[nodiscard]] const GenerationBytes& bytes() const { return bytes_; }

  void write(std::uint16_t /*offset*/, std::span<const std::byte> /*data*/) override {}
  void read(std::uint16_t offset, std::span<std::byte> data) override {
    for (std::size_t i = 0; i < data.size(); ++i) {
      data[i] = offset + i < bytes_.size() ? bytes_.at(offset + i) : std::byte{0xff};
    }
  }

 private:
  GenerationBytes bytes_;
};

}  // namespace samepage::vmm
