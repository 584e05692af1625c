// SPDX-License-Identifier: Apache-2.0
// What a running guest answers on its control socket. Called by the guest process's poll loop, one request
// at a time; a client that does not read or write in time is dropped.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/framing.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/control/console_log.hpp"
#include "vmm/control/console_sessions.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/machine.hpp"

namespace samepage::vmm {

/// What does not change in a guest's life.
struct GuestFacts {
  std::string name;
  std::string domain;  // as the user wrote it
  std::string image;
  unsigned cpus = 1;
  std::chrono::steady_clock::time_point started;
};

/// Answers for one guest.
class GuestControl {
 public:
  /// `agent` is null for a guest that shares nothing. All must outlive this.
  GuestControl(GuestFacts facts, Machine& machine, dedup::Agent* agent, ConsoleLog& console);

  /// Takes one connection from `listener`, if there is one, and answers it.
  void serve(int listener);

  /// Those who are attached to the console: the poll loop serves them too.
  [[nodiscard]] ConsoleSessions& consoles() { return consoles_; }

 private:
  void serve_connection(UniqueFd socket);
  void attach_console(UniqueFd socket, const Frame& request);
  ControlAnswer answer(const Frame& request);
  ControlAnswer pause();
  [[nodiscard]] nlohmann::json brief() const;
  [[nodiscard]] nlohmann::json figures() const;
  [[nodiscard]] std::string map_text() const;
  [[nodiscard]] nlohmann::json resize_balloon(const Frame& request);
  [[nodiscard]] nlohmann::json dump(const Frame& request);
  [[nodiscard]] std::string_view state() const;
  [[nodiscard]] std::vector<dedup::PageMapRun> page_map() const;

  GuestFacts facts_;
  Machine& machine_;
  dedup::Agent* agent_;
  ConsoleLog& console_;
  ConsoleSessions consoles_;
};

}  // namespace samepage::vmm
