// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/control_connection.hpp"

#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {

pollfd ControlConnection::wait() const {
  return {socket_.get(), static_cast<short>(answering_ ? POLLOUT : POLLIN), 0};
}

ControlConnection::Step ControlConnection::serve(short happened, Clock::time_point now) {
  if (happened != 0 && answering_) {
    if (send_some(socket_.get(), unsent_) != Sent::part) return Step::done;
  } else if (happened != 0) {
    const MessageReceiver::State state = request_.receive(socket_.get());
    if (state == MessageReceiver::State::gone) return Step::done;
    if (state == MessageReceiver::State::whole) return Step::request;
    if (!deadline_ && request_.begun()) deadline_ = now + request_patience;
  }
  return deadline_ && now >= *deadline_ ? Step::done : Step::wait;
}

void ControlConnection::answer(const ControlAnswer& answer, Clock::time_point now) {
  unsent_ = packed(answer);
  answering_ = true;
  deadline_ = now + answer_patience;
}

void ControlConnection::finish(Clock::time_point end) {
  if (answering_) static_cast<void>(send_until(socket_.get(), unsent_, end));
}

}  // namespace samepage::vmm
