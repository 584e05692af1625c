// SPDX-License-Identifier: Apache-2.0
// How and when a guest ended: the first reason given counts, and the guest has ended when there is one and
// no thread of the guest is left. Any thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "base/unique_fd.hpp"
#include "vmm/machine/guest_exit.hpp"

namespace samepage::vmm {

class GuestEnd {
 public:
  /// `on_reason` is called by record(), on whatever thread: it must make those threads end, and not wait for
  /// them.
  explicit GuestEnd(std::function<void()> on_reason = {});

  /// `threads` of vCPUs and devices are about to start; false when the guest has ended before they could.
  [[nodiscard]] bool expect_threads(unsigned threads);
  void thread_ended();
  /// Gives the reason, if there is none yet.
  void record(GuestExit exit);

  /// Whether the guest has ended or is about to.
  [[nodiscard]] bool has_reason() const;

  GuestExit wait() const;
  /// Readable once the guest has ended.
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  void announce() const;  // with mutex_ held

  std::function<void()> on_reason_;
  UniqueFd event_;
  mutable std::mutex mutex_;
  unsigned threads_ = 0;
  std::optional<GuestExit> exit_;
};

}  // namespace samepage::vmm
