// SPDX-License-Identifier: Apache-2.0
// What a running guest answers to each request. Called by the guest process's poll loop; no answer waits for
// a client.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/framing.hpp"
#include "base/json.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/page_map.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/guest_figures.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/process/console_log.hpp"
#include "vmm/process/guest_snapshot.hpp"

namespace samepage::vmm {

/// What does not change in a guest's life.
struct GuestFacts {
  std::string name;
  std::string domain;  // as the user wrote it
  std::string image;
  unsigned cpus = 1;
  std::chrono::steady_clock::time_point started;
  std::string config;  // guest_config_bytes
};

/// The answer of one that does not do what it was asked.
nlohmann::json refusal(std::string text);
/// What a request asks for; empty where it is no request.
std::string verb_of(const Message& request);

class GuestAnswers {
 public:
  /// `agent` is null for a guest that shares nothing, `restored` for one that began. All must outlive this.
  GuestAnswers(GuestFacts facts, Machine& machine, dedup::Agent* agent, ConsoleLog& console,
               const RestoredGuest* restored = nullptr);

  ControlAnswer answer(const Message& request);
  /// What watchers are told whenever it has changed.
  [[nodiscard]] nlohmann::json watched() const;
  /// What a watcher is told first.
  [[nodiscard]] ControlAnswer greeting() const;

 private:
  ControlAnswer answer_or_throw(const Message& request);
  ControlAnswer pause();
  ControlAnswer resume();
  [[nodiscard]] nlohmann::json suspend();
  [[nodiscard]] nlohmann::json page_out(const Message& request);
  [[nodiscard]] nlohmann::json begin_page_out(std::uint64_t pages, dedup::PageOutOrder order);
  [[nodiscard]] nlohmann::json page_out_progress() const;
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] GuestFigures brief() const;
  [[nodiscard]] GuestFigures figures() const;
  [[nodiscard]] std::string map_text() const;
  [[nodiscard]] nlohmann::json resize_balloon(const Message& request);
  [[nodiscard]] nlohmann::json dump(const Message& request);
  [[nodiscard]] std::string_view state() const;
  [[nodiscard]] std::uint64_t ram_bytes() const;
  [[nodiscard]] std::vector<dedup::PageMapRun> page_map() const;

  GuestFacts facts_;
  Machine& machine_;
  dedup::Agent* agent_;
  ConsoleLog& console_;
  GuestSnapshots snapshots_;
  bool suspended_ = false;           // paused, and its pages have gone out
  std::uint64_t balloon_bytes_ = 0;  // that the guest was asked for
};

}  // namespace samepage::vmm
