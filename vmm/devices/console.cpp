// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/console.hpp"

#include <utility>

namespace samepage::vmm {

void Console::put(char byte) {
  const std::lock_guard lock(buffering_);
  buffer_.push_back(byte);
  if (byte == '\n' || buffer_.size() >= long_line) ready_.store(true, std::memory_order_relaxed);
}

void Console::flush_lines() {
  if (ready_.load(std::memory_order_relaxed)) flush();
}

void Console::flush() {
  const std::lock_guard in_order(writing_);
  std::string text;
  {
    const std::lock_guard lock(buffering_);
    text = std::exchange(buffer_, {});
    ready_.store(false, std::memory_order_relaxed);
  }
  if (!text.empty() && sink_) sink_(text);
}

}  // namespace samepage::vmm
