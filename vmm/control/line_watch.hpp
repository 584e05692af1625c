// SPDX-License-Identifier: Apache-2.0
// Keeps our words on standard error off the end of a line that a guest has not ended, where both go to the
// same place.
#pragma once

#include <atomic>
#include <string_view>

namespace samepage::vmm {

/// Any thread.
class LineWatch {
 public:
  /// The guest's output, as it is written.
  void saw(std::string_view text) {
    if (!text.empty()) open_.store(text.back() != '\n', std::memory_order_relaxed);
  }
  /// What belongs before words on `error` when the guest's output went to `output`: a line end, or nothing.
  [[nodiscard]] std::string_view gap(int output, int error) const;

 private:
  std::atomic<bool> open_ = false;
};

}  // namespace samepage::vmm
