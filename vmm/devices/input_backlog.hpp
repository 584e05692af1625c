// SPDX-License-Identifier: Apache-2.0
// Input that a guest has not read yet, up to a limit. Whoever was turned away is told when there is room
// again, so that nobody has to ask. The device that owns it locks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <utility>

namespace samepage::vmm {

class InputBacklog {
 public:
  explicit InputBacklog(std::size_t limit) : limit_(limit) {}

  /// `room` is called, on the thread that made the room, once after add() took less than there was and half
  /// of the limit is free again. It must not block and must not call the device. Set before there is input.
  void when_room(std::function<void()> room) { room_ = std::move(room); }

  /// Returns how many bytes it took.
  std::size_t add(std::span<const std::byte> input) {
    const std::size_t taken = std::min(input.size(), limit_ - waiting_.size());
    for (const std::byte byte : input.first(taken)) waiting_.push_back(std::to_integer<std::uint8_t>(byte));
    if (taken < input.size()) turned_away_ = true;
    return taken;
  }

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  /// The oldest byte; there must be one.
  std::uint8_t take() {
    const std::uint8_t value = waiting_.front();
    waiting_.pop_front();
    tell();
    return value;
  }
  void clear() {
    waiting_.clear();
    tell();
  }

 private:
  void tell() {
    if (!turned_away_ || waiting_.size() > limit_ / 2) return;
    turned_away_ = false;
    if (room_) room_();
  }

  const std::size_t limit_;
  std::function<void()> room_;
  std::deque<std::uint8_t> waiting_;
  bool turned_away_ = false;
};

}  // namespace samepage::vmm
