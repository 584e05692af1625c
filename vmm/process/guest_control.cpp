// SPDX-License-Identifier: Apache-2.0
#include "vmm/process/guest_control.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/log.hpp"
#include "base/poll_timeout.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;

using Clock = ControlConnection::Clock;

bool is_owner(uid_t uid) {
  return uid == ::geteuid() || uid == 0;
}

}  // namespace

GuestControl::GuestControl(GuestFacts facts, Machine& machine, dedup::Agent* agent, ConsoleLog& console,
                           const RestoredGuest* restored)
    : machine_(machine),
      answers_(std::move(facts), machine, agent, console, restored),
      consoles_(console, [&machine](std::span<const std::byte> input,
                                    ConsolePort port) { return machine.receive(input, port); }),
      told_(answers_.watched()) {}

void GuestControl::add_waits(std::vector<pollfd>& waits) const {
  for (const ControlConnection& caller : callers_) waits.push_back(caller.wait());
  watchers_.add_waits(waits);
  consoles_.add_waits(waits);
}

int GuestControl::patience_ms() const {
  std::optional<Clock::time_point> first;
  for (const ControlConnection& caller : callers_) {
    if (caller.deadline() && (!first || *caller.deadline() < *first)) first = caller.deadline();
  }
  return first ? poll_timeout(*first) : -1;
}

bool GuestControl::serve(std::span<const pollfd> waits) {
  const std::span<const pollfd> others = waits.subspan(callers_.size());
  const std::size_t watching = watchers_.size();
  watchers_.serve(others.first(watching));
  consoles_.serve(others.subspan(watching));
  std::vector<ControlConnection> stay;
  bool answered = false;
  for (std::size_t i = 0; i < callers_.size(); ++i) {
    const ControlConnection::Step step = callers_[i].serve(waits[i].revents, Clock::now());
    if (step == ControlConnection::Step::done) continue;
    if (step == ControlConnection::Step::request) {
      answered = true;
      if (handle(callers_[i]) == Stays::no) continue;
    }
    stay.push_back(std::move(callers_[i]));
  }
  callers_ = std::move(stay);
  return answered;
}

void GuestControl::accept(int listener) {
  UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    // Without a descriptor the listener would stay readable, and the loop would turn for nothing.
    const int why = errno;
    if ((why == EMFILE || why == ENFILE) && !callers_.empty()) callers_.erase(callers_.begin());
    if (why != EAGAIN && why != ECONNABORTED && why != EINTR) {
      log_error("a client is turned away", std::strerror(why));
    }
    return;
  }
  bool owner = false;
  try {
    owner = is_owner(peer_of(socket.get()).uid);
  } catch (const std::system_error&) {
    return;  // it is gone again
  }
  make_room();
  ControlConnection& caller = callers_.emplace_back(std::move(socket));
  if (!owner) caller.answer({refusal("this guest is another user's"), {}}, Clock::now());
}

// Who is not through with a request goes first.
void GuestControl::make_room() {
  if (callers_.size() < most_callers) return;
  const auto asking = std::find_if(callers_.begin(), callers_.end(),
                                   [](const ControlConnection& caller) { return !caller.answering(); });
  callers_.erase(asking != callers_.end() ? asking : callers_.begin());
}

// Most answers fit into the socket's buffer: they are on their way when this returns.
GuestControl::Stays GuestControl::handle(ControlConnection& caller) {
  const Message request = caller.take_request();
  if (request.type != static_cast<std::uint32_t>(ControlMessage::request)) return Stays::no;
  const std::string verb = verb_of(request);
  if (verb == "console") return attach_console(caller, request);
  if (verb == "watch") return add_watcher(caller);
  const ControlAnswer answer = answers_.answer(request);
  tell_changes();  // so that whoever asked for one and watches knows of it when the answer comes
  caller.answer(answer, Clock::now());
  return caller.serve(POLLOUT, Clock::now()) == ControlConnection::Step::done ? Stays::no : Stays::yes;
}

GuestControl::Stays GuestControl::attach_console(ControlConnection& caller, const Message& request) {
  const json body = json::parse(request.text(), nullptr, false);
  const auto named = body.find("port");
  const std::optional<ConsolePort> port = named != body.end() && named->is_string()
                                              ? parse_console_port(named->get<std::string>())
                                              : std::nullopt;
  std::string problem;
  if (!port) {
    problem = "it has no console of that name; it may have com1 and hvc0";
  } else if (!machine_.has_console(*port)) {
    problem = "it has no virtio console; start it with 'samepage run --virtio-console', or use com1";
  } else if (!consoles_.has_room()) {
    problem = fmt::format("{} are attached to its console already", consoles_.size());
  } else {
    consoles_.add(caller.release(), *port, packed(ControlAnswer{json{{"ok", true}}, {}}));
    return Stays::no;
  }
  caller.answer({refusal(problem), {}}, Clock::now());
  return Stays::yes;
}

GuestControl::Stays GuestControl::add_watcher(ControlConnection& caller) {
  if (!watchers_.has_room()) {
    caller.answer({refusal(fmt::format("{} watch it already", watchers_.size())), {}}, Clock::now());
    return Stays::yes;
  }
  watchers_.add(caller.release(), packed(answers_.greeting()));
  return Stays::no;
}

// After each request that is carried out, so that none of its changes is left out.
void GuestControl::tell_changes() {
  json now = answers_.watched();
  if (now == told_) return;
  told_ = std::move(now);
  watchers_.tell(told_);
}

void GuestControl::finish(const GuestRecord::End& how) {
  const Clock::time_point end = Clock::now() + ControlConnection::request_patience;
  for (ControlConnection& caller : callers_) caller.finish(end);
  callers_.clear();
  watchers_.finish(
      {{"ok", true}, {"ended", true}, {"status", how.exit_code}, {"how", how.how}, {"reason", how.reason}});
  consoles_.finish(how.exit_code);
}

}  // namespace samepage::vmm
