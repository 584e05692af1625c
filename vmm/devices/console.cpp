// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/console.hpp"

#include <utility>

namespace samepage::vmm {

void Console::put(std::string_view text) {
  const std::lock_guard lock(buffering_);
  if (witness_) witness_(text);  // under the lock: in the order that the sink gets it in
  buffer_.append(text);
  note_lines(text);
}

void Console::note_lines(std::string_view added) {
  if (parts_ || added.find('\n') != added.npos || buffer_.size() >= long_line) {
    ready_.store(true, std::memory_order_relaxed);
  }
}

void Console::flush_lines() {
  if (has_lines()) flush();
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

ConsoleState Console::save() {
  const std::lock_guard lock(buffering_);
  return {buffer_};
}

void Console::restore(const ConsoleState& state) {
  const std::lock_guard lock(buffering_);
  buffer_ = state.waiting;
  note_lines(buffer_);
}

}  // namespace samepage::vmm
