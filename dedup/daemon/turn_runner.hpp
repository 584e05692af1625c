// SPDX-License-Identifier: Apache-2.0
// Gives turns (turns.hpp) on the daemon's thread, for as long as there is work. Whatever else has come in
// goes first between two turns.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "dedup/daemon/turns.hpp"

namespace samepage::dedup {

class TurnRunner {
 public:
  explicit TurnRunner(boost::asio::io_context& io) : io_(io) {}
  TurnRunner(const TurnRunner&) = delete;
  TurnRunner& operator=(const TurnRunner&) = delete;
  ~TurnRunner() = default;

  /// `work` has turns among the user's from now on.
  void add(uid_t user, Turns::Work work);
  /// `act` is called when there is no work left, or after a few turns where there always is some: what was
  /// ordered by then is told in few messages.
  void after_turns(std::function<void()> act);

 private:
  static constexpr unsigned most_turns_before = 8;

  void want_turns();
  void post();
  void give_one();
  void act_afterwards();

  boost::asio::io_context& io_;
  Turns turns_;
  std::vector<std::function<void()>> afterwards_;
  unsigned given_ = 0;  // turns since the last of these were called
  bool posted_ = false;
};

}  // namespace samepage::dedup
