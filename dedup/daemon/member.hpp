// SPDX-License-Identifier: Apache-2.0
// A guest that has joined, as its session sees it: carries out what its agent says in its domain, a turn's
// worth at a time, and tells the agent what the domain orders. protocol.hpp says what the messages mean. The
// daemon's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "dedup/daemon/domain.hpp"
#include "dedup/daemon/staging_area.hpp"
#include "dedup/daemon/turn.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class Member final : public GuestLink {
 public:
  /// What a member costs whatever it does: its staging area, buffers.
  static constexpr std::uint64_t bytes = StagingArea::max_bytes + (64U << 10U);

  using Send = std::function<void(wire::Type, std::span<const std::byte>)>;
  using Report = std::function<void(const wire::Report&)>;
  using Cpu = std::function<void(const wire::CpuTime&)>;
  using Room = std::function<void(const wire::Room&)>;
  using Later = std::function<void()>;

  /// Of a guest of so many pages that is about to join; `takes_slots`: its agent can map slots. `send` queues
  /// a message for its agent, `report`, `cpu` and `room` hear what the agent says of itself. `later`: there
  /// is something to tell it, and tell() is to be called soon. Throws std::system_error.
  Member(std::uint32_t pages, bool takes_slots, Send send, Report report, Cpu cpu, Room room, Later later);

  /// It is a member of the domain from now on.
  void joined(Domain& domain, PageId guest) { domain_ = &domain, guest_ = guest; }
  /// Null until it has joined.
  [[nodiscard]] Domain* domain() const { return domain_; }
  [[nodiscard]] const StagingArea& staging() const { return staging_; }

  /// Carries out more of a message. A violation: it breaks the rules, or contradicts what the daemon knows.
  [[nodiscard]] Progress handle(wire::Type type, std::span<const std::byte> payload, Turn& turn);
  /// The next call of handle() is for another message.
  void end_of_message();
  /// Sends what its agent was granted and is asked to donate since the last call.
  void tell();

  // GuestLink
  void grant(PageIndex page, FrameId frame) override;
  void request_donation(PageIndex page) override;
  void flush() override;
  [[nodiscard]] bool has_file(unsigned file) const override { return (files_ >> file & 1U) != 0; }

  /// Whether its agent can map slots at all.
  [[nodiscard]] bool takes_slots() const { return takes_slots_; }
  /// Its agent is told of that paging file; of one that has gone it is told anew.
  void told_of(unsigned file) { files_ |= 1U << file; }
  void forget_file(unsigned file) { files_ &= ~(1U << file); }

 private:
  [[nodiscard]] Progress dispatch(wire::Type type, std::span<const std::byte> payload, Turn& turn);
  [[nodiscard]] Progress handle_donated(std::span<const std::byte> payload, Turn& turn);
  [[nodiscard]] Progress handle_merged(std::span<const std::byte> payload, Turn& turn);
  [[nodiscard]] Progress handle_sync(std::span<const std::byte> payload);
  [[nodiscard]] Progress handle_report(std::span<const std::byte> payload);
  [[nodiscard]] Progress handle_cpu_time(std::span<const std::byte> payload);
  [[nodiscard]] Progress handle_room(std::span<const std::byte> payload);

  std::uint32_t pages_;
  bool takes_slots_;
  std::uint32_t files_ = 0;  // paging files that its agent has been told of, a bit each
  StagingArea staging_;
  Send send_;
  Report report_;
  Cpu cpu_;
  Room room_;
  Later later_;
  Domain* domain_ = nullptr;
  PageId guest_;

  // Of the message that is carried out: how far.
  Domain::Reached reached_;
  bool first_list_done_ = false;

  // What tell() will send, and whether it was asked for.
  std::vector<wire::Grant> grants_;
  bool telling_ = false;
};

}  // namespace samepage::dedup
