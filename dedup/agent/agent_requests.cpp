// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/agent_requests.hpp"

namespace samepage::dedup {

bool AgentRequests::wait_for(const std::function<void()>& act, const std::function<void()>& wake,
                             std::chrono::milliseconds interval, const std::function<void()>& again) {
  Request request{act};
  std::unique_lock lock(lock_);
  if (ended_) return false;
  requests_.push_back(&request);
  wake();
  while (!over_.wait_for(lock, interval, [&] { return request.over; })) again();
  return request.called;
}

void AgentRequests::serve() {
  std::unique_lock lock(lock_);
  while (!requests_.empty()) {
    Request& request = *requests_.front();
    requests_.erase(requests_.begin());
    request.called = true;
    // Whoever asked waits: the request lives until it is told that it is over.
    const auto over = [&] {
      if (!lock.owns_lock()) lock.lock();
      request.over = true;
      over_.notify_all();
    };
    lock.unlock();
    try {
      request.act();
    } catch (...) {
      over();
      throw;
    }
    over();
  }
}

void AgentRequests::end() {
  const std::lock_guard lock(lock_);
  ended_ = true;
  for (Request* request : requests_) request->over = true;
  requests_.clear();
  over_.notify_all();
}

}  // namespace samepage::dedup
