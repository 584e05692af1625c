// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/turn_runner.hpp"

#include <boost/asio/post.hpp>
#include <exception>

#include "base/log.hpp"

namespace samepage::dedup {

void TurnRunner::add(uid_t user, Turns::Work work) {
  turns_.add(user, std::move(work));
  want_turns();
}

void TurnRunner::after_turns(std::function<void()> act) {
  afterwards_.push_back(std::move(act));
  want_turns();
}

void TurnRunner::want_turns() {
  if (!std::exchange(posted_, true)) post();
}

void TurnRunner::post() {
  boost::asio::post(io_, [this] { give_one(); });
}

void TurnRunner::give_one() {
  try {
    if (turns_.any()) turns_.give_one();
  } catch (const std::exception& error) {
    log_error("something is left undone", error);
  }
  if (!turns_.any() || ++given_ >= most_turns_before) act_afterwards();
  posted_ = turns_.any() || !afterwards_.empty();
  if (posted_) post();
}

void TurnRunner::act_afterwards() {
  given_ = 0;
  for (const std::function<void()>& act : std::exchange(afterwards_, {})) {
    try {
      act();
    } catch (const std::exception& error) {
      log_error("something is not told", error);
    }
  }
}

}  // namespace samepage::dedup
