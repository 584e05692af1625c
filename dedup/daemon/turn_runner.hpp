// SPDX-License-Identifier: Apache-2.0
// Gives turns (turns.hpp) on the daemon's thread, for as long as there is work. Whatever else has come in
// goes first between two turns.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <utility>

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

 private:
  void post();
  void give_one();

  boost::asio::io_context& io_;
  Turns turns_;
  bool posted_ = false;
};

}  // namespace samepage::dedup
