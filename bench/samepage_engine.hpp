// SPDX-License-Identifier: Apache-2.0
// Samepage as an engine: the real samepaged beside this program, agents in the holders.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/engine.hpp"
#include "bench/own_daemon.hpp"

namespace samepage::bench {

class SamepageEngine final : public Engine {
 public:
  /// `words` are more of the daemon's command line.
  explicit SamepageEngine(Knobs knobs, const std::vector<std::string>& words = {});

  [[nodiscard]] Party party() const override { return Party::samepage; }
  void set_pace(Pace pace) override;
  void merge(Holders& holders) override;
  void make_pass() override;
  void rest() override;
  [[nodiscard]] std::uint64_t pages_shared() override;
  [[nodiscard]] std::uint64_t full_scans() override;
  [[nodiscard]] std::chrono::nanoseconds cpu_time() override;
  [[nodiscard]] EngineCosts costs() override;

  /// The host's part of `stat`.
  [[nodiscard]] nlohmann::json host_figures() const;
  /// Its paging files, as `paging` tells of them.
  [[nodiscard]] nlohmann::json paging_files() const;
  [[nodiscard]] pid_t daemon_pid() const { return daemon_.pid(); }

 private:
  struct Member {
    Holder* holder;
    std::chrono::nanoseconds cpu_before;
  };

  void ask_knobs(const Knobs& knobs) const;

  Knobs given_;
  OwnDaemon daemon_;
  std::vector<Member> members_;
};

}  // namespace samepage::bench
