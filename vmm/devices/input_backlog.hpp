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
#include <string>
#include <string_view>
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
  /// Copies the oldest bytes, which stay; there must be that many.
  void peek(std::span<char> oldest) const { std::copy_n(waiting_.begin(), oldest.size(), oldest.begin()); }
  /// Takes the oldest bytes away, at most all.
  void drop(std::size_t count) {
    waiting_.erase(waiting_.begin(),
                   waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(count, waiting_.size())));
    tell();
  }

  /// All that waits, the oldest byte first.
  [[nodiscard]] std::string save() const { return {waiting_.begin(), waiting_.end()}; }
  /// In place of what waits. False, and nothing happens, when it is more than the limit.
  [[nodiscard]] bool restore(std::string_view waiting) {
    if (waiting.size() > limit_) return false;
    waiting_.assign(waiting.begin(), waiting.end());
    return true;
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
