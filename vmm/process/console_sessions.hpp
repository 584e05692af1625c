// SPDX-License-Identifier: Apache-2.0
// Those who are attached to a guest's console. All see what it prints, each at its own pace; all may type.
// Nothing here waits for a client: what one does not read in time is left out for it, with a mark, and what
// the guest does not take stays in the client's socket. Called by the guest process's poll loop.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/devices/console_port.hpp"
#include "vmm/process/console_log.hpp"

namespace samepage::vmm {

class ConsoleSessions {
 public:
  /// Gives the guest input and returns how much it took; when it takes more, somebody calls
  /// ConsoleLog::wake().
  using Input = std::function<std::size_t(std::span<const std::byte>, ConsolePort)>;

  static constexpr std::size_t most = 16;

  /// The log must outlive it.
  ConsoleSessions(ConsoleLog& log, Input input) : log_(log), input_(std::move(input)) {}

  /// Another client may be added.
  [[nodiscard]] bool has_room() const { return sessions_.size() < most; }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  /// A client that is sent `greeting` (a packed message) and then what the guest printed last and prints.
  void add(UniqueFd socket, ConsolePort port, std::string greeting = {});

  /// Appends what is to be polled for.
  void add_waits(std::vector<pollfd>& waits) const;
  /// Does what can be done; `waits` are those of the last add_waits(), polled. Does not block.
  void serve(std::span<const pollfd> waits);

  /// The guest has ended, its process with this status: gives all what is left and the news, and ends the
  /// sessions. Waits for slow clients, at most 2 s for all together.
  void finish(int status);

 private:
  struct Session {
    UniqueFd socket;
    ConsolePort port = ConsolePort::com1;
    std::uint64_t next = 0;  // position in the log
    std::string unsent;      // the rest of a message
    std::string untaken;     // input that the guest has no room for
  };
  enum class Alive : std::uint8_t { no, yes };

  Alive serve(Session& session, short happened);
  Alive take_input(Session& session);
  void offer_input(Session& session);
  Alive send_output(Session& session);
  void fill(Session& session) const;

  ConsoleLog& log_;
  Input input_;
  std::vector<Session> sessions_;
};

}  // namespace samepage::vmm
