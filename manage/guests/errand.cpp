// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/errand.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "manage/guests/guest_connection.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::guests {

Errand::Errand(std::string guest, std::string verb, Clock::time_point deadline)
    : guest_(std::move(guest)), verb_(std::move(verb)), deadline_(deadline) {
  try {
    socket_ = vmm::GuestRegistry::of_this_user().connect(guest_);
  } catch (const std::system_error& error) {
    if (!does_not_take_callers(error)) throw;
    problem_ = fmt::format("{} does not answer", guest_);
    return;
  }
  if (socket_ && vmm::send_request(socket_.get(), {{"do", verb_}})) return;
  socket_.reset();
  problem_ = fmt::format("{} has ended", guest_);
}

std::optional<std::string> Errand::result(Clock::time_point now) {
  using State = vmm::AnswerReceiver::State;
  if (!problem_.empty()) return problem_;
  const State state = receiver_.receive(socket_.get());
  if (state == State::partial) {
    if (now < deadline_) return std::nullopt;
    return fmt::format("{} does not answer; 'samepage kill {}' ends it", guest_, guest_);
  }
  // A guest that is told to stop may hang up before it answers.
  if (state == State::gone) return fmt::format("{} has ended", guest_);
  const nlohmann::json answer = receiver_.take().body;
  if (answer.value("ok", nlohmann::json()) == true) return fmt::format("{}: {} done", guest_, verb_);
  return fmt::format("{} refuses: {}", guest_, answer.value("error", "it does not say why"));
}

}  // namespace samepage::guests
