// SPDX-License-Identifier: Apache-2.0
// What other threads want done by the agent's thread, between two parts of a pass at the latest, and wait
// for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace samepage::dedup {

class AgentRequests {
 public:
  /// Any thread: waits until `act` was called, whatever it threw. False when the agent has ended, and then it
  /// was not called. `wake` is called once when the request is there, `again` whenever `interval` has passed
  /// without an answer.
  [[nodiscard]] bool wait_for(const std::function<void()>& act, const std::function<void()>& wake,
                              std::chrono::milliseconds interval, const std::function<void()>& again);

  /// The agent's thread: does all that is asked for, in the order in which it was. An exception of one comes
  /// through, and nobody waits for ever: what was not done is done by the next call.
  void serve();
  /// The agent's thread: nobody will be served from now on.
  void end();

 private:
  struct Request {
    const std::function<void()>& act;
    bool called = false;
    bool over = false;
  };

  std::mutex lock_;
  std::condition_variable over_;
  std::vector<Request*> requests_;
  bool ended_ = false;
};

}  // namespace samepage::dedup
