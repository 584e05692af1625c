// SPDX-License-Identifier: Apache-2.0
// One thing that one guest is told while its teller goes on with something else.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"

namespace samepage::guests {

class Errand {
 public:
  using Clock = std::chrono::steady_clock;

  /// `verb` is a request of vmm/control/control_message.hpp without further words. Does not wait.
  Errand(std::string guest, std::string verb, Clock::time_point deadline);

  /// To poll for POLLIN; -1: it is over.
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
  /// What came of it, for people; nothing while it is under way.
  [[nodiscard]] std::optional<std::string> result(Clock::time_point now);

 private:
  std::string guest_;
  std::string verb_;
  Clock::time_point deadline_;
  UniqueFd socket_;
  vmm::AnswerReceiver receiver_;
  std::string problem_;  // of one that is over before it has begun
};

}  // namespace samepage::guests
