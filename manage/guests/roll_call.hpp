// SPDX-License-Identifier: Apache-2.0
// Asks all guests of this user the same, as often as one likes. Nobody waits here: callers poll. A guest that
// owes an answer is not asked once more, and nothing waits for it until it has given that one. So a guest
// that hangs delays a caller once and not at every call.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/unique_fd.hpp"
#include "vmm/control/control_message.hpp"
#include "vmm/control/registry.hpp"

namespace samepage::guests {

class RollCall {
 public:
  RollCall(vmm::GuestRegistry registry, nlohmann::json request);

  /// Asks all that live now and owe nothing. Removes what dead guests left.
  void call();
  /// What to poll: of all that owe an answer.
  void add_waits(std::vector<pollfd>& waits) const;
  /// Takes what has come.
  void receive();
  /// All have answered, but for those that owed an answer before the last call.
  [[nodiscard]] bool complete() const;
  /// The answers to the last call without "ok", in order of the guests' names. A guest that owes one is there
  /// with {"name", "pid", "state": "not answering"}. "name" is the one that it is reached by, whatever it
  /// calls itself.
  [[nodiscard]] std::vector<nlohmann::json> answers() const;

 private:
  struct Guest {
    UniqueFd socket;     // while it owes an answer; none: it takes no callers
    pid_t pid = 0;       // 0: not known
    bool silent = true;  // it owes an answer
    bool late = false;   // since before the last call
    vmm::AnswerReceiver receiver;
    std::optional<nlohmann::json> answer;  // to the last call
  };

  void ask(const std::string& name);

  vmm::GuestRegistry registry_;
  nlohmann::json request_;
  std::map<std::string, Guest> guests_;
};

}  // namespace samepage::guests
