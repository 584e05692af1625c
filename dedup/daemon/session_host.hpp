// SPDX-License-Identifier: Apache-2.0
// What a session asks of the daemon around it.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "dedup/daemon/paging/domain_slots.hpp"
#include "dedup/daemon/sighting.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Domain;
class GuestLink;
class Session;

class SessionHost {
 public:
  /// A guest that may join: its domain and its handle there.
  struct Membership {
    Domain* domain = nullptr;
    PageId guest;
    wire::Knobs knobs;
    std::uint32_t max_frames = 0;
    std::uint64_t number = 0;  // of the membership
    bool ends_when_idle = false;
    bool guarded = false;  // the knob break-guard
    UniqueFd store;        // read-only, for the agent
  };

  virtual ~SessionHost() = default;
  /// `link` is the way to the guest's agent until leave() or closed(). Throws when the guest can't join,
  /// KeptOut where the policy is why; then nothing of it is left.
  virtual Membership join(Session& session, GuestLink& link, const wire::Hello& hello) = 0;
  /// A guest that does not join wants its RAM counted as promised for as long as the session is there. Why
  /// not; empty when it is counted from now on.
  [[nodiscard]] virtual std::optional<std::string> refuse_promise(const Session& session,
                                                                  std::uint32_t pages) = 0;
  /// A guest was not let in because of `problem`.
  virtual void could_not_let_in(const std::exception& problem) = 0;
  /// The kernel has no memory for a message just now; or it has taken one.
  virtual void could_not_send(int error) = 0;
  virtual void has_sent() = 0;
  /// The guest joined, but could not be told so.
  virtual void leave(Session& session) = 0;
  /// The answer to a command's question, in JSON. Throws UserError.
  virtual std::string answer(const Session& session, std::string_view question) = 0;
  /// The guest's agent says what became of its last pass.
  virtual void reported(const Session& session, const wire::Report& report) = 0;
  /// It says what processor time it has used, and whether it wants more.
  virtual void tells_cpu_time(const Session& session, const wire::CpuTime& time) = 0;
  /// It says that little memory is left to its guest, and what the guest does.
  virtual void tells_room(const Session& session, const wire::Room& room) = 0;
  /// A message has come: the session wants turns to carry it out.
  virtual void wants_turns(Session& session) = 0;
  /// `act` is called when what has come by now was carried out, or a moment later.
  virtual void after_turns(std::function<void()> act) = 0;
  virtual void closed(Session& session) = 0;
};

}  // namespace samepage::dedup
