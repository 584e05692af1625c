// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/shared_output.hpp"

namespace samepage::cli {

void SharedOutput::put(std::string_view text) {
  pending_ += text;
  flush();
}

pollfd SharedOutput::wait() const {
  return {pending_.empty() ? -1 : outlet_.fd(), POLLOUT, 0};
}

void SharedOutput::flush() {
  while (!pending_.empty()) {
    if (error_ != 0) {
      lost_ += pending_.size();
      return pending_.clear();
    }
    const Outlet::Written written = outlet_.write_some(pending_);
    pending_.erase(0, written.bytes);
    error_ = written.error;
    if (written.bytes == 0 && written.error == 0) return;
  }
}

}  // namespace samepage::cli
