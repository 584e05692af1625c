// SPDX-License-Identifier: Apache-2.0
// Messages that wait until the peer reads them. What others make us say to a peer that does not read ends at
// a limit, and all of it is charged to the peer's user. Pure: the session sends what is here.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dedup/daemon/account_share.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Outbox {
 public:
  static constexpr std::size_t max_unread = std::size_t{64} << 20U;

  explicit Outbox(AccountShare& share) : share_(share) {}
  ~Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// False, and the message is dropped, when too much is unread or the account has no room.
  [[nodiscard]] bool add(wire::Type type, std::span<const std::byte> payload);
  /// For what is owed to the peer in any case: the reason of a refusal.
  void add_anyway(wire::Type type, std::span<const std::byte> payload);

  /// Bytes that the peer has not read.
  [[nodiscard]] std::size_t unread() const { return sending_.size() + queued_.size(); }
  /// Whether something is to be sent, and nothing is being sent.
  [[nodiscard]] bool ready() const { return sending_.empty() && !queued_.empty(); }
  /// Whether nothing is being sent.
  [[nodiscard]] bool idle() const { return sending_.empty(); }
  /// All that is here is being sent from now on, until sent(). It stays where it is.
  [[nodiscard]] std::span<const std::byte> begin_sending();
  void sent();

 private:
  void append(wire::Type type, std::span<const std::byte> payload);

  AccountShare& share_;
  std::vector<std::byte> sending_;
  std::vector<std::byte> queued_;  // behind `sending_`
};

}  // namespace samepage::dedup
