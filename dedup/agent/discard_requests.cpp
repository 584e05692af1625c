// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/discard_requests.hpp"

namespace samepage::dedup {

void DiscardRequests::wait_for(std::span<const GfnRange> ranges, const std::function<void()>& wake,
                               std::chrono::milliseconds interval, const std::function<void()>& again) {
  Request request{ranges};
  std::unique_lock lock(lock_);
  if (ended_) return;
  requests_.push_back(&request);
  wake();
  while (!done_.wait_for(lock, interval, [&] { return request.done; })) again();
}

void DiscardRequests::serve(const std::function<void(std::span<const GfnRange>)>& discard) {
  std::unique_lock lock(lock_);
  const std::size_t taken = requests_.size();
  if (taken == 0) return;
  try {
    std::vector<GfnRange> ranges;
    for (const Request* request : requests_) {
      ranges.insert(ranges.end(), request->ranges.begin(), request->ranges.end());
    }
    lock.unlock();
    discard(ranges);
    lock.lock();
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    finish(taken);  // they have been tried
    throw;
  }
  finish(taken);
}

void DiscardRequests::end() {
  const std::lock_guard lock(lock_);
  ended_ = true;
  finish(requests_.size());
}

// With the lock held.
void DiscardRequests::finish(std::size_t first) {
  for (std::size_t i = 0; i < first; ++i) requests_[i]->done = true;
  requests_.erase(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(first));
  done_.notify_all();
}

}  // namespace samepage::dedup
