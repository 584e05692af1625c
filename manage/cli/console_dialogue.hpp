// SPDX-License-Identifier: Apache-2.0
// A guest's console for a program that types a line and waits for what the guest says to it.
#pragma once

#include <string>
#include <string_view>

#include "manage/guests/guest_connection.hpp"
#include "vmm/control/console_stream.hpp"

namespace samepage::cli {

class ConsoleDialogue {
 public:
  /// Attaches to the serial console of guest `name`. Throws UserError.
  explicit ConsoleDialogue(const std::string& name);

  /// Types a line. Throws UserError when the guest is gone.
  void type(const std::string& line);
  /// What has come since from `start` to the end of its line; empty as long as it has not. Does not wait.
  /// Throws UserError when the guest is gone.
  [[nodiscard]] std::string answer(std::string_view start);

 private:
  guests::GuestConnection guest_;
  vmm::MessageAssembler messages_;
  std::string typed_;  // the last line: what was said before its echo is older
  std::string said_;
};

}  // namespace samepage::cli
