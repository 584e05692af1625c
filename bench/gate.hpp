// SPDX-License-Identifier: Apache-2.0
// The write barrier of a guest that is a thread. The thread writes in steps and is held between two of them.
// Notes how long each hold was, from request to release, and how much processor time the holder had
// meanwhile. The rest is waiting for the guest or for a processor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/inheriting_mutex.hpp"
#include "dedup/agent/write_barrier.hpp"

namespace samepage::bench {

class Gate final : public dedup::WriteBarrier {
 public:
  void hold() override;
  void release() override;
  [[nodiscard]] bool keeps_waiting() const override { return waiting_ > 0; }

  /// One step of a writer: what may write the guest's memory. Any thread.
  template <typename Act>
  void step(Act act) {
    if (wanted_) {
      ++waiting_;
      while (wanted_) wanted_.wait(true);  // the holder goes first: a mutex alone is not fair
      --waiting_;
    }
    const std::lock_guard inside(lock_);
    act();
  }

  /// In nanoseconds.
  struct Hold {
    std::int64_t wall = 0;
    std::int64_t cpu = 0;
  };
  /// The oldest holds that were not taken yet, `most` of them at most. Any thread.
  std::vector<Hold> take_holds(std::size_t most);

 private:
  std::atomic<bool> wanted_{false};
  std::atomic<int> waiting_{0};  // who wants to make a step
  InheritingMutex lock_;         // as a vCPU's
  Hold since_;                   // of the agent's thread alone
  std::mutex holds_lock_;
  std::vector<Hold> holds_;
};

}  // namespace samepage::bench
