// SPDX-License-Identifier: Apache-2.0
// One client of a guest's control socket, from its first byte to the last of its answer. Nothing here waits:
// a client has one deadline for its whole request and one for taking the whole answer, and whatever it does
// in between concerns nobody else. Called by the guest process's poll loop.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/message_receiver.hpp"
#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"

namespace samepage::vmm {

class ControlConnection {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds request_patience{2};
  static constexpr std::chrono::seconds answer_patience{10};

  explicit ControlConnection(UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] pollfd wait() const;
  /// When it is to be given up on; none before its first byte.
  [[nodiscard]] std::optional<Clock::time_point> deadline() const { return deadline_; }
  [[nodiscard]] bool answering() const { return answering_; }

  enum class Step : std::uint8_t {
    wait,     // poll again
    request,  // its request is here: take_request(), then answer() or release()
    done,     // close it
  };
  /// Does what can be done now; `happened` is what poll said of wait().
  Step serve(short happened, Clock::time_point now);
  Message take_request() { return request_.take(); }
  /// Begins to send the answer; serve() goes on with it.
  void answer(const ControlAnswer& answer, Clock::time_point now);
  /// The socket, for a client that stays.
  UniqueFd release() { return std::move(socket_); }
  /// Sends what is left of an answer, until `end` at the latest.
  void finish(Clock::time_point end);

 private:
  UniqueFd socket_;
  MessageReceiver request_;
  std::optional<Clock::time_point> deadline_;
  bool answering_ = false;
  std::string unsent_;
};

}  // namespace samepage::vmm
