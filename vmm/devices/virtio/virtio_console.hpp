// SPDX-License-Identifier: Apache-2.0
// Console device with its one port (virtio 1.2, 5.3): what the guest sends goes to the same place as the
// UART's output; what is typed waits here until the guest has room for it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <mutex>
#include <string_view>

#include "vmm/devices/virtio/virtio_device.hpp"

namespace samepage::vmm {

class VirtioConsole final : public VirtioDevice {
 public:
  /// `output` is called on the devices' thread; `wake` makes that thread serve the console, and must not
  /// block.
  VirtioConsole(std::function<void(std::string_view)> output, std::function<void()> wake);

  [[nodiscard]] std::uint32_t id() const override { return 3; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void serve(VirtioState& state) override;

  /// Hands the guest what was typed; what it does not read in time is dropped. Any thread.
  void type(std::string_view text);

 private:
  void send(VirtioState& state) const;
  void receive(VirtioState& state);

  static constexpr std::array<std::uint16_t, 2> sizes{64, 64};
  static constexpr std::size_t most_typed = 4096;
  std::function<void(std::string_view)> output_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::deque<char> typed_;
};

}  // namespace samepage::vmm
