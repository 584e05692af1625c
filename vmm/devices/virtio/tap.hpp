// SPDX-License-Identifier: Apache-2.0
// A TAP interface of the host: packets with the header of virtio-net in front, both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// In front of each packet (virtio 1.2, 5.1.6; the kernel's header of this name is no C++).
struct NetHeader {
  std::uint8_t flags;
  std::uint8_t segmentation;
  std::uint16_t header_bytes;
  std::uint16_t segment_bytes;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
  std::uint16_t buffers;
};
static_assert(sizeof(NetHeader) == 12);

class Tap {
 public:
  /// None: what is sent is lost, and nothing is received.
  Tap() = default;
  /// Throws UserError when there is no such interface or it can't be used.
  explicit Tap(const std::string& name);

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// A packet, header first; 0 bytes when there is none at the moment. Longer ones are cut off. Empty when
  /// the interface is gone: none will ever come, and the descriptor says that it is readable for ever.
  [[nodiscard]] std::optional<std::size_t> receive(std::span<std::byte> packet) const;
  /// What the interface does not take is lost, as on any network.
  void send(std::span<const std::byte> packet) const;

 private:
  UniqueFd fd_;
  UniqueFd claim_;  // of an interface with several queues
};

}  // namespace samepage::vmm
