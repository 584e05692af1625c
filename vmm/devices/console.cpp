// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/console.hpp"

#include <utility>

namespace samepage::vmm {

void Console::put(std::string_view text) {
  const std::lock_guard lock(buffering_);
  if (witness_) witness_(text);  // under the lock: in the order that the sink gets it in
  buffer_.append(text);
  if (parts_ || text.find('\n') != text.npos || buffer_.size() >= long_line) {
    ready_.store(true, std::memory_order_relaxed);
  }
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
