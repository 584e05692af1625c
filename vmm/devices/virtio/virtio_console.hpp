// SPDX-License-Identifier: Apache-2.0
// Console device with its one port (virtio 1.2, 5.3): what the guest sends goes to the same place as the
// UART's output; what is typed waits here until the guest has room for it.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "vmm/devices/input_backlog.hpp"
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
  [[nodiscard]] DeviceState save() override;
  [[nodiscard]] std::optional<std::string_view> restore(const DeviceState& state) override;

  /// What type() keeps for a guest that does not read.
  static constexpr std::size_t most_typed = 4096;

  /// Hands the guest what was typed. Returns how many bytes were taken, fewer than there are when most_typed
  /// is reached. Any thread.
  std::size_t type(std::span<const std::byte> input);
  /// InputBacklog::when_room; before the guest runs.
  void when_room(std::function<void()> room) { typed_.when_room(std::move(room)); }

 private:
  void send(VirtioState& state);
  void print(VirtioState& state, const Chain& chain);
  void set_sent(std::uint64_t bytes);
  void receive(VirtioState& state);

  static constexpr std::array<std::uint16_t, 2> sizes{64, 64};
  std::function<void(std::string_view)> output_;
  std::function<void()> wake_;
  std::mutex mutex_;
  InputBacklog typed_{most_typed};
  std::uint64_t sent_ = 0;  // bytes of the chain in hand that were printed
};

}  // namespace samepage::vmm
