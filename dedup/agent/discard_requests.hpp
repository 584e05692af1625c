// SPDX-License-Identifier: Apache-2.0
// Ranges of pages that other threads want discarded, and wait for, while the agent's thread does the work.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/types.hpp"

namespace samepage::dedup {

class DiscardRequests {
 public:
  /// Any thread: waits until `ranges` were discarded, or the agent has ended. `wake` is called once when the
  /// request is there, `again` whenever `interval` has passed without an answer.
  void wait_for(std::span<const GfnRange> ranges, const std::function<void()>& wake,
                std::chrono::milliseconds interval, const std::function<void()>& again);

  /// The agent's thread: calls `discard` with all ranges that are asked for. Its exceptions come through, and
  /// nobody waits for ever.
  void serve(const std::function<void(std::span<const GfnRange>)>& discard);
  /// The agent's thread: nobody will be served from now on.
  void end();

 private:
  struct Request {
    std::span<const GfnRange> ranges;
    bool done = false;
  };
  void finish(std::size_t first);

  std::mutex lock_;
  std::condition_variable done_;
  std::vector<Request*> requests_;
  bool ended_ = false;
};

}  // namespace samepage::dedup
