// SPDX-License-Identifier: Apache-2.0
// What virtio devices keep beside their registers and queues, each kind in a struct of its own. Plain values.
// Backends are not in them: a file or an interface is named by the configuration.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

/// Of devices that have nothing of their own, such as the entropy source.
struct NoState {
  bool operator==(const NoState&) const = default;
};

struct BlockState {
  std::uint64_t sectors = 0;  // that the guest has seen: the disk behind it must have as many

  bool operator==(const BlockState&) const = default;
};

struct NetState {
  MacAddress mac{};
  std::string incoming;  // a packet that waits for room in the guest, header first; empty: none

  bool operator==(const NetState&) const = default;
};

struct VirtioConsoleState {
  std::string typed;       // that the guest has not got yet
  std::uint64_t sent = 0;  // bytes of the chain that is being printed that are printed already

  bool operator==(const VirtioConsoleState&) const = default;
};

struct BalloonState {
  std::uint32_t target_pages = 0;
  std::uint32_t actual_pages = 0;
  bool target_is_news = false;  // the guest was not told yet
  std::uint64_t reported_bytes = 0;
  std::array<std::optional<std::uint64_t>, 10> statistics{};  // BalloonStatistics

  bool operator==(const BalloonState&) const = default;
};

struct PmemState {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  bool lost_writes = false;  // the next flush has to tell

  bool operator==(const PmemState&) const = default;
};

using DeviceState = std::variant<NoState, BlockState, NetState, VirtioConsoleState, BalloonState, PmemState>;

}  // namespace samepage::vmm
