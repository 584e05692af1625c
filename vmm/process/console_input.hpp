// SPDX-License-Identifier: Apache-2.0
// Standard input of a guest that runs in the foreground: what comes is the guest's. A terminal is raw
// meanwhile, and a key leads out of it; it is left alone while the process is in the background, where
// reading it would stop the process. Called by the guest process's poll loop, which it never blocks.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "vmm/control/escape_key.hpp"
#include "vmm/control/raw_terminal.hpp"

namespace samepage::vmm {

class ConsoleInput {
 public:
  /// Gives the guest input and returns how much it took; when it takes more, somebody wakes the poll loop.
  using Sink = std::function<std::size_t(std::span<const std::byte>)>;

  /// What the user wants, beside typing.
  enum class Wish : std::uint8_t {
    none,
    end_guest,  // the escape key
    interrupt,  // Ctrl-C, for the first time: it is the guest's, and the user may not know that
  };

  /// `fd` stays the caller's; -1: there is no input. A terminal is read only when the output is one as well:
  /// what reads the output of a pipe may want the keys for itself.
  ConsoleInput(int fd, int output, EscapeKey escape, Sink sink);

  /// Appends what is to be polled for: one entry.
  void add_waits(std::vector<pollfd>& waits) const;
  /// After how many milliseconds serve() is to be called if nothing happens; -1: never.
  [[nodiscard]] int longest_wait() const;
  /// Does what can be done; `happened` to the entry of the last add_waits().
  Wish serve(short happened);

  /// Somebody may wait for a prompt before they type.
  [[nodiscard]] bool may_be_a_dialogue() const { return dialogue_; }

 private:
  void look_who_has_the_terminal();
  void offer();
  Wish read_some();

  int fd_;        // -1: at its end
  UniqueFd own_;  // an open of our own, which does not block and changes nothing for others
  EscapeKey escape_;
  Sink sink_;
  bool socket_ = false;
  bool terminal_ = false;
  bool dialogue_ = false;
  bool interrupted_ = false;
  std::optional<RawTerminal> raw_;  // while it is a terminal that is ours
  std::string untaken_;
};

}  // namespace samepage::vmm
