// SPDX-License-Identifier: Apache-2.0
// One message (base/framing.hpp) taken from a stream socket piece by piece, as it comes: whoever polls
// several sockets waits for none of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/framing.hpp"

namespace samepage {

class MessageReceiver {
 public:
  enum class State : std::uint8_t {
    partial,  // there is more to come
    whole,    // take() it
    gone,     // the peer is gone, or speaks nonsense (EPROTO); errno says which
  };
  enum class Wait : std::uint8_t { no, yes };

  /// Reads what there is of the message, nothing behind it. With Wait::yes it is whole or gone afterwards.
  State receive(int socket, Wait wait = Wait::no);
  /// Whether a part of the message is here.
  [[nodiscard]] bool begun() const { return received_ > 0; }
  /// The whole message; another one may follow.
  Message take();

 private:
  [[nodiscard]] std::span<std::byte> missing();

  MessageHeader header_;
  Message message_;
  std::size_t received_ = 0;  // of header and payload
};

}  // namespace samepage
