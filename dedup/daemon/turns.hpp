// SPDX-License-Identifier: Apache-2.0
// Which user has the daemon's one thread next. Work is added for a user and done in turns (turn.hpp). Users
// with work have one turn each, one after the other, however much there is and in however many pieces. Pure.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <iterator>
#include <map>

#include "dedup/daemon/turn.hpp"

namespace samepage::dedup {

class Turns {
 public:
  /// Does some of the work; true while there is more.
  using Work = std::function<bool(Turn&)>;

  void add(uid_t user, Work work) { waiting_[user].push_back(std::move(work)); }
  [[nodiscard]] bool any() const { return !waiting_.empty(); }

  /// Gives a turn to the next user. What it throws ends that piece of work.
  void give_one() {
    auto user = waiting_.upper_bound(last_);
    if (user == waiting_.end()) user = waiting_.begin();
    last_ = user->first;
    Work work = std::move(user->second.front());
    user->second.pop_front();
    if (user->second.empty()) waiting_.erase(user);
    Turn turn;
    if (work(turn)) add(last_, std::move(work));
  }

 private:
  std::map<uid_t, std::deque<Work>> waiting_;  // no deque is empty
  uid_t last_ = 0;
};

}  // namespace samepage::dedup
