// SPDX-License-Identifier: Apache-2.0
// Whether somebody who writes a file still does. Pure.
#pragma once

#include <sys/stat.h>

#include <chrono>

namespace samepage::cli {

class FileProgress {
 public:
  using Clock = std::chrono::steady_clock;

  /// A writer is given up when nothing of the file has changed for `patience`.
  FileProgress(Clock::duration patience, Clock::time_point now) : patience_(patience), changed_(now) {}

  /// `info` is what fstat() says at the moment `now`.
  [[nodiscard]] bool stalled(const struct stat& info, Clock::time_point now) {
    const bool same = info.st_blocks == before_.st_blocks && info.st_mtim.tv_sec == before_.st_mtim.tv_sec &&
                      info.st_mtim.tv_nsec == before_.st_mtim.tv_nsec;
    before_ = info;
    if (!same) changed_ = now;
    return now - changed_ >= patience_;
  }

 private:
  Clock::duration patience_;
  Clock::time_point changed_;
  struct stat before_ {};
};

}  // namespace samepage::cli
