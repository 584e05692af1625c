// SPDX-License-Identifier: Apache-2.0
// The contract of a guest's control socket. A client sends one request, the guest sends any number of data
// messages and one answer, and the connection ends.
//
//   request  {"do": "ps" | "stat" | "map" | "pause" | "resume" | "stop" | "logs" | "dump" | "balloon" |
//            "config" | "snapshot" | "fork" | "rollback"}; dump and snapshot with a file's descriptor, fork
//            with a socket's that gets what clones go on from, balloon with "bytes"
//   answer   {"ok": true, ...} or {"ok": false, "error": text}
//            of a rollback with "took_us" and "pages"; of a snapshot with "held_us", and "pages" and
//            "pages_held": copied while the guest ran, was held
//   data     bytes that are no JSON or too many for one message: the console for logs, JSON text for map,
//            the guest's configuration for config (vmm/process/guest_config_bytes.hpp)
//
// {"do": "console", "port": "com1" | "hvc0"} is different: after {"ok": true} the connection stays. The guest
// sends data messages, first what it printed last, then what it prints; all that the client sends is input
// for the guest, as it is. The client ends it by closing the connection, the guest's end by the answer
// {"ok": true, "ended": true, "status": that of the guest's process}.
//
// {"do": "watch"} stays as well. The guest sends its configuration as data, then how it is, and from then on
// an answer for each change: {"ok": true, "state": "running" | "paused", "balloon_bytes": what it was asked
// for}; at its end {"ok": true, "ended": true, "status", "how", "reason"} (vmm/control/guest_record.hpp).
// Where the connection ends without that, the process was killed, or the client is 64 KiB behind and was cut
// off.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/json.hpp"
#include "base/message_receiver.hpp"

namespace samepage::vmm {

enum class ControlMessage : std::uint32_t { request = 1, answer = 2, data = 3 };

struct ControlAnswer {
  nlohmann::json body;
  std::string data;
};

/// An answer that comes piece by piece; never waits.
class AnswerReceiver {
 public:
  using State = MessageReceiver::State;
  State receive(int socket);
  /// The whole answer.
  ControlAnswer take() { return std::move(answer_); }

 private:
  MessageReceiver message_;
  ControlAnswer answer_;
};

/// Sends a request. False when the guest is gone or does not take it.
[[nodiscard]] bool send_request(int socket, const nlohmann::json& request, std::span<const int> fds = {});

/// When the whole of an answer must be there; none: it may take any time.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/// Waits for the answer to a request. Empty when the guest is gone or does not answer in time.
std::optional<ControlAnswer> receive_answer(int socket, Deadline deadline = {});
/// Sends a request and waits for the answer. Empty when the guest is gone or does not answer in time.
std::optional<ControlAnswer> ask(int socket, const nlohmann::json& request, std::span<const int> fds = {},
                                 Deadline deadline = {});

}  // namespace samepage::vmm
