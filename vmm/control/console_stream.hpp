// SPDX-License-Identifier: Apache-2.0
// The messages of a control socket for those who may not block on one: packed to be sent bit by bit, and put
// together again from what has come so far.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmm/control/control_message.hpp"

namespace samepage::vmm {

/// The bytes of one message, head and all.
std::string packed(ControlMessage type, std::string_view payload);

/// Puts messages together. One thread.
class MessageAssembler {
 public:
  struct Message {
    ControlMessage type = ControlMessage::data;
    std::string payload;
  };

  void add(std::string_view bytes) { bytes_.append(bytes); }
  /// The oldest message that is complete.
  std::optional<Message> next();
  /// What came is no message; next() gives none any more.
  [[nodiscard]] bool is_nonsense() const;

 private:
  std::string bytes_;
};

}  // namespace samepage::vmm
