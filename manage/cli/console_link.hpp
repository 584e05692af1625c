// SPDX-License-Identifier: Apache-2.0
// The client's side of an attached console: carries input to the guest and its output to the user, until one
// of them ends it. Neither side can make it deaf to the other, to signals or to the escape key.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "vmm/control/console_stream.hpp"
#include "vmm/control/escape_key.hpp"
#include "vmm/control/line_watch.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// How it ended.
struct LinkEnd {
  enum class Kind : std::uint8_t {
    detached,     // the escape key, or the terminal is gone
    guest_ended,  // status is that of its process
    lost,         // the guest's process closed the connection without a word
    signal,       // status is its number
  };
  Kind kind = Kind::detached;
  int status = 0;
};

class ConsoleLink {
 public:
  /// `guest` is a connection that is in the console's mode. All stay the caller's. At the end of an input
  /// that is no terminal the link goes on.
  ConsoleLink(int guest, int input, int output, const vmm::StopSignals& signals, vmm::EscapeKey escape);

  /// Runs to the end. Throws UserError and std::system_error when input or output fail.
  LinkEnd run();
  /// What belongs before words on standard error, see vmm::LineWatch.
  [[nodiscard]] std::string_view gap() const { return lines_.gap(output_, STDERR_FILENO); }

 private:
  /// Something that ends the link; empty: it goes on.
  using Step = std::optional<LinkEnd>;

  Step step();
  Step read_input();
  void read_guest();
  void take_messages();
  void write_guest();
  [[nodiscard]] bool write_output();
  [[nodiscard]] Step output_gone() const;

  int guest_;  // -1: closed
  int input_;  // -1: at its end
  int output_;
  UniqueFd own_output_;
  const vmm::StopSignals& signals_;
  vmm::EscapeKey escape_;
  bool input_is_terminal_;
  bool output_is_terminal_;
  std::string to_guest_;
  std::string to_output_;
  vmm::LineWatch lines_;
  vmm::MessageAssembler messages_;
  LinkEnd end_{LinkEnd::Kind::lost, 0};  // once the guest has closed and all is written
};

}  // namespace samepage::cli
