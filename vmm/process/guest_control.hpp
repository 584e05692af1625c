// SPDX-License-Identifier: Apache-2.0
// A running guest's control socket: who is connected, and whose turn it is. Called by the guest process's
// poll loop. A client has all the time it wants before its request, unless others need the room; one that
// does not come to the end of it in time, or does not read the answer, is dropped. No client waits for
// another one.
#pragma once

#include <poll.h>

#include <chrono>
#include <span>
#include <vector>

#include "base/framing.hpp"
#include "dedup/agent/agent.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/guest_record.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/console_log.hpp"
#include "vmm/process/console_sessions.hpp"
#include "vmm/process/control_connection.hpp"
#include "vmm/process/guest_answers.hpp"
#include "vmm/process/watchers.hpp"

namespace samepage::vmm {

/// The control socket of one guest.
class GuestControl {
 public:
  /// `agent` is null for a guest that shares nothing, `restored` for one that began. All must outlive this.
  GuestControl(GuestFacts facts, Machine& machine, dedup::Agent* agent, ConsoleLog& console,
               const RestoredGuest* restored = nullptr);

  /// Connections at the same time, consoles and watchers left out.
  static constexpr std::size_t most_callers = 64;

  /// Appends what is to be polled for: callers, and those who are attached to the console, watchers.
  void add_waits(std::vector<pollfd>& waits) const;
  /// How long poll() may wait at most until a client has to be dropped; -1: for ever.
  [[nodiscard]] int patience_ms() const;
  /// Does what can be done; `waits` are those of the last add_waits(), polled. True when a request was
  /// answered.
  bool serve(std::span<const pollfd> waits);
  /// Takes one connection from `listener`, if there is one; between serve() and add_waits().
  void accept(int listener);
  /// The guest has ended in this way: sends what is still to be sent, and the news to those who wait for it.
  void finish(const GuestRecord::End& end);

 private:
  enum class Stays : std::uint8_t { no, yes };

  void make_room();
  Stays handle(ControlConnection& caller);
  Stays attach_console(ControlConnection& caller, const Message& request);
  Stays add_watcher(ControlConnection& caller);
  void tell_changes();

  Machine& machine_;
  GuestAnswers answers_;
  ConsoleSessions consoles_;
  Watchers watchers_;
  nlohmann::json told_;                     // to the watchers, last
  std::vector<ControlConnection> callers_;  // in the order in which they came
};

}  // namespace samepage::vmm
