// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/outbox.hpp"

#include <utility>

#include "base/framing.hpp"

namespace samepage::dedup {

bool Outbox::add(wire::Type type, std::span<const std::byte> payload) {
  const std::size_t bytes = sizeof(MessageHeader) + payload.size();
  if (unread() + bytes > max_unread || !share_.charge(bytes)) return false;
  append(type, payload);
  return true;
}

void Outbox::add_anyway(wire::Type type, std::span<const std::byte> payload) {
  share_.charge_anyway(sizeof(MessageHeader) + payload.size());
  append(type, payload);
}

void Outbox::append(wire::Type type, std::span<const std::byte> payload) {
  const MessageHeader header{static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(type)};
  const auto header_bytes = std::as_bytes(std::span(&header, 1));
  queued_.insert(queued_.end(), header_bytes.begin(), header_bytes.end());
  queued_.insert(queued_.end(), payload.begin(), payload.end());
}

std::span<const std::byte> Outbox::begin_sending() {
  sending_ = std::exchange(queued_, {});
  return sending_;
}

void Outbox::sent() {
  share_.release(sending_.size());
  sending_ = std::vector<std::byte>();
}

}  // namespace samepage::dedup
