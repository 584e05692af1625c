// SPDX-License-Identifier: Apache-2.0
// The messages of a control socket for those who may not block on one: packed to be sent bit by bit, and put
// together again from what has come so far.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/control/control_message.hpp"

namespace samepage::vmm {

/// The bytes of one message, head and all.
std::string packed(ControlMessage type, std::string_view payload);
/// The bytes of all messages of an answer.
std::string packed(const ControlAnswer& answer);

enum class Sent : std::uint8_t { all, part, gone };
/// Sends what the socket takes now and removes it from `bytes`.
Sent send_some(int socket, std::string& bytes);
/// Sends all of it; gives up at `end`. False when it gave up or the peer is gone.
bool send_until(int socket, std::string& bytes, std::chrono::steady_clock::time_point end);

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
