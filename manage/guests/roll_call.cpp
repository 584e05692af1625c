// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/roll_call.hpp"

#include <set>
#include <system_error>
#include <utility>

#include "base/framing.hpp"
#include "manage/guests/guest_connection.hpp"

namespace samepage::guests {

using nlohmann::json;

RollCall::RollCall(vmm::GuestRegistry registry, json request)
    : registry_(std::move(registry)), request_(std::move(request)) {}

void RollCall::ask(const std::string& name) {
  Guest guest;
  try {
    guest.socket = registry_.connect(name);
    if (!guest.socket) return;
    guest.pid = peer_of(guest.socket.get()).pid;
    if (!vmm::send_request(guest.socket.get(), request_)) return;  // it has just ended
  } catch (const std::system_error& error) {
    if (!does_not_take_callers(error)) throw;
    guest.late = true;  // there is nothing that could be waited for
  }
  guests_.insert_or_assign(name, std::move(guest));
}

void RollCall::call() {
  receive();
  const std::vector<std::string> names = registry_.names();
  const std::set<std::string> live(names.begin(), names.end());
  std::erase_if(guests_, [&](const auto& known) { return !live.contains(known.first); });
  for (const std::string& name : names) {
    const auto known = guests_.find(name);
    if (known != guests_.end() && known->second.socket) {
      known->second.late = true;
      continue;
    }
    if (known != guests_.end()) guests_.erase(known);
    ask(name);
  }
}

void RollCall::add_waits(std::vector<pollfd>& waits) const {
  for (const auto& [name, guest] : guests_) {
    if (guest.socket) waits.push_back({guest.socket.get(), POLLIN, 0});
  }
}

void RollCall::receive() {
  for (auto known = guests_.begin(); known != guests_.end();) {
    auto& [name, guest] = *known;
    using State = vmm::AnswerReceiver::State;
    const State state = guest.socket ? guest.receiver.receive(guest.socket.get()) : State::partial;
    if (state == State::gone) {
      known = guests_.erase(known);  // one that ended just now is no news
      continue;
    }
    if (state == State::whole) {
      json body = guest.receiver.take().body;
      guest.socket.reset();
      guest.silent = guest.late = false;
      if (body.value("ok", json()) == true) {
        body.erase("ok");
        body["name"] = name;
        guest.answer = std::move(body);
      }
    }
    ++known;
  }
}

bool RollCall::complete() const {
  for (const auto& [name, guest] : guests_) {
    if (guest.silent && !guest.late) return false;
  }
  return true;
}

std::vector<json> RollCall::answers() const {
  std::vector<json> answers;
  for (const auto& [name, guest] : guests_) {
    if (guest.answer) {
      answers.push_back(*guest.answer);
      continue;
    }
    json silent{{"name", name}, {"state", "not answering"}};
    if (guest.pid != 0) silent["pid"] = guest.pid;
    answers.push_back(std::move(silent));
  }
  return answers;
}

}  // namespace samepage::guests
