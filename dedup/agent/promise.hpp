// SPDX-License-Identifier: Apache-2.0
// The RAM of a guest that shares nothing, counted by the daemon among what guests were promised: a connection
// that is kept while the guest lives, and nothing else. The daemon learns of no page. Where there is no
// daemon nobody counts; one that comes later is found by a thread that does no more than that.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/connection.hpp"

namespace samepage::dedup {

class Promise {
 public:
  /// Throws UserError when a daemon refuses the guest: more was promised than may be.
  Promise(AgentConfig config, std::uint64_t pages);
  /// Starts the thread, which is confined as the calling one is.
  void start();
  ~Promise();
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

 private:
  static constexpr std::chrono::milliseconds between_tries{1000};

  // A guest that does not share waits no longer for a daemon that hangs.
  static constexpr std::chrono::milliseconds patience{1000};

  [[nodiscard]] std::optional<Connection> ask();
  void try_once();
  void run();

  AgentConfig config_;
  std::uint32_t pages_;
  std::string problem_;  // that was told
  HangUp hang_up_;
  std::optional<Connection> counted_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace samepage::dedup
