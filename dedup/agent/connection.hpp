// SPDX-License-Identifier: Apache-2.0
// An agent's connection to the daemon: joins a domain, then sends and receives messages. One thread, and
// another one that may hang up.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/framing.hpp"
#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "dedup/agent/frame_files.hpp"
#include "dedup/protocol.hpp"
#include "dedup/shortage.hpp"

namespace samepage::dedup {

struct AgentConfig;

/// Whether the process can have some more descriptors, as many as a message brings. `fd` is any that it has.
[[nodiscard]] bool has_descriptors(int fd) noexcept;
/// Of a message whose descriptors did not come: throws std::system_error when that is because there are none.
void require_descriptors(int fd);

/// What a guest gets when it joins.
struct Membership {
  wire::Welcome welcome;
  FrameFiles files;
  Mapping staging;  // welcome.staging_slots pages
};

/// Ends the agent's waits for the daemon, whose thread may be in one: a guest that ends waits for no daemon.
/// Any thread.
class HangUp {
 public:
  /// Now and for good: whoever waits for the daemon has lost it, and so has whoever tries later.
  void hang_up();

  /// The message that the agent is sending or receiving, 0 for none. No two have the same number.
  [[nodiscard]] std::uint64_t message() const;
  /// Ends that, should the agent still be at it: it has lost the daemon, and may look for another.
  void cancel(std::uint64_t message);

 private:
  friend class Connection;
  class InMessage;
  void watch(const std::shared_ptr<const UniqueFd>& socket);

  std::atomic<std::uint64_t> begun_and_ended_ = 0;  // messages: odd while there is one
  std::mutex lock_;
  bool over_ = false;
  std::weak_ptr<const UniqueFd> socket_;
};

class Connection {
 public:
  /// Connects to the daemon that `config` names, or uses `socket` when it is given (tests).
  /// `shortages` are told of what the kernel has no memory for; they must outlive it.
  explicit Connection(const AgentConfig& config, HangUp& hang_up, UniqueFd socket = {},
                      Shortages* shortages = nullptr);

  /// Says HELLO for a guest of `pages` pages, which had the membership `former` before, 0 for none. Throws
  /// UserError when the daemon is gone.
  void ask_to_join(const AgentConfig& config, std::uint32_t pages, std::uint64_t former);
  /// Waits for the answer. Throws DaemonHangs when there is none in time; it may still come. Throws UserError
  /// when the daemon refuses or is none of ours, and GuestKeptOut when it may be asked again later.
  Membership finish_joining();
  /// The same for a guest that shares nothing. Throws UserError when more was promised than may be, and
  /// NoDaemon when the daemon does not count such guests.
  void finish_promising();

  /// False when the daemon is gone.
  [[nodiscard]] bool send(wire::Type type, std::span<const std::byte> payload);
  /// A message that is a list, in as many messages as it takes. Sends nothing for an empty one.
  template <typename T>
  [[nodiscard]] bool send_list(wire::Type type, std::span<const T> list) {
    const bool offers = type == wire::Type::offer || type == wire::Type::image;
    return wire::send_in_parts(list, offers ? wire::max_offers : wire::max_entries,
                               [&](std::span<const T> part) { return send(type, std::as_bytes(part)); });
  }

  /// True when receive() would not block: a message, or part of one, or the end is there.
  [[nodiscard]] bool readable() const;
  /// The next message; empty when the daemon is gone.
  [[nodiscard]] std::optional<Message> receive();
  [[nodiscard]] int fd() const { return socket_->get(); }

 private:
  HangUp* hang_up_;
  Shortages* shortages_;
  std::shared_ptr<const UniqueFd> socket_;  // hanging up must not meet a descriptor that was closed
  std::string path_;
};

}  // namespace samepage::dedup
