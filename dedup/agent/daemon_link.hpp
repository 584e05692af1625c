// SPDX-License-Identifier: Apache-2.0
// The agent's link to the daemon: none, asked to let the guest in, kept out, or joined. What comes with a
// membership (the connection, the store, the staging area, the secret) is there as one value or not at all.
//
// A daemon that is lost may be found again, when it hung, say: the link remembers what the guest had there.
// The agent's thread; another one may hang up (HangUp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/unique_fd.hpp"
#include "dedup/agent/agent.hpp"
#include "dedup/agent/connection.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class DaemonLink {
 public:
  /// What a guest had at a daemon that it has lost.
  struct Former {
    std::uint64_t membership = 0;
    UniqueFd store;
  };
  /// How a guest has joined.
  struct Joined {
    bool back = false;             // it has its former membership again, with all references
    std::optional<Former> former;  // otherwise: what it had elsewhere
  };

  /// Asks the daemon to let a guest of `pages` pages in, over `socket` when it is given. Throws NoDaemon,
  /// DaemonHangs or UserError.
  void ask_to_join(const AgentConfig& config, std::uint32_t pages, UniqueFd socket, Shortages& shortages);
  /// Waits for the answer. Throws DaemonHangs when there is none in time: it may still come. Throws UserError
  /// when the daemon refuses; then it is not asked any more, but for GuestKeptOut: the connection stays until
  /// the daemon ends it.
  [[nodiscard]] Joined finish_joining();
  /// Gives the daemon up. What is mapped from its store stays as it is.
  void lose() noexcept;

  [[nodiscard]] bool joining() const { return joining_.has_value(); }
  [[nodiscard]] bool kept_out() const { return kept_out_.has_value(); }
  [[nodiscard]] bool joined() const { return joined_.has_value(); }
  /// To wait on; -1 when there is none.
  [[nodiscard]] int fd() const;
  /// Of the daemon that was lost last, while no other was joined.
  [[nodiscard]] const std::optional<Former>& former() const { return former_; }

  // While joined() only:
  [[nodiscard]] Connection& connection() { return joined_->connection; }
  [[nodiscard]] Membership& membership() { return joined_->membership; }
  [[nodiscard]] const DigestSecret& secret() const { return joined_->membership.welcome.secret; }
  /// What its frames are mapped from.
  [[nodiscard]] FrameFiles& files() { return joined_->membership.files; }
  [[nodiscard]] const FrameFiles& files() const { return joined_->membership.files; }

  /// Ends waits for the daemon. Any thread.
  [[nodiscard]] HangUp& hang_up() { return hang_up_; }
  [[nodiscard]] const HangUp& hang_up() const { return hang_up_; }

 private:
  struct Link {
    Connection connection;
    Membership membership;
  };
  HangUp hang_up_;
  std::optional<Connection> joining_;
  std::optional<Connection> kept_out_;
  std::optional<Link> joined_;
  std::optional<Former> former_;
};

}  // namespace samepage::dedup
