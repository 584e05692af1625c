// SPDX-License-Identifier: Apache-2.0
// A process of its own that puts something of the host's back when the bench ends, however it ends, kill -9
// included.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/unique_fd.hpp"

namespace samepage::bench {

class Keeper {
 public:
  /// Forks. `put_back` is called in the other process, once: when this ends, or the bench does. Descriptors
  /// that are open now stay open there until then.
  explicit Keeper(const std::function<void()>& put_back);
  /// Returns when it is done.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  pid_t process_ = 0;
  UniqueFd tell_;  // a pipe
};

}  // namespace samepage::bench
