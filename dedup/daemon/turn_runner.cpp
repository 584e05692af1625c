// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/turn_runner.hpp"

#include <boost/asio/post.hpp>
#include <exception>

#include "base/log.hpp"

namespace samepage::dedup {

void TurnRunner::add(uid_t user, Turns::Work work) {
  turns_.add(user, std::move(work));
  if (!std::exchange(posted_, true)) post();
}

void TurnRunner::post() {
  boost::asio::post(io_, [this] { give_one(); });
}

void TurnRunner::give_one() {
  try {
    turns_.give_one();
  } catch (const std::exception& error) {
    log_error("something is left undone", error);
  }
  posted_ = turns_.any();
  if (posted_) post();
}

}  // namespace samepage::dedup
