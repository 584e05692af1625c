// SPDX-License-Identifier: Apache-2.0
// Asks the daemon for frames for the pages of an image, before the guest runs. Every page that is not zero is
// hashed where it is, in the file, and named to the daemon; pages that no guest of the domain has yet are
// donated, from the file too, so that the next guest of the image finds them. Nothing here touches guest
// memory: what comes out is a list of grants, hints that whoever maps them has to compare.
//
// The daemon may be slow, stopped or gone: there is a limit to how long anybody waits for it, and what it has
// not granted by then is copied. It stays offered, so a late grant is like any other. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "dedup/agent/connection.hpp"
#include "dedup/agent/image_pages.hpp"
#include "dedup/agent/page_states.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

class ImageSharing {
 public:
  enum class Outcome : std::uint8_t {
    settled,  // the daemon has said all it could
    overdue,  // it did not in time; it may still
    lost,     // it is gone, or talks nonsense
  };

  /// How long a daemon may keep silent, and how long it may take in all. A daemon that hangs delays a guest's
  /// start by the former.
  struct Patience {
    std::chrono::milliseconds silence{2000};
    std::chrono::milliseconds total{5000};
  };

  ImageSharing(PageStates& states, ImagePages& image, Connection& connection, const Membership& membership)
      : states_(states), image_(image), connection_(connection), membership_(membership) {}

  [[nodiscard]] Outcome run(Patience patience);
  [[nodiscard]] Outcome run() { return run(Patience{}); }

  /// Grants of pages of the image, each within one run of it, none twice, in ascending order.
  [[nodiscard]] std::vector<wire::Grant> take_grants();
  /// Messages that came meanwhile and have nothing to do with the image.
  [[nodiscard]] std::vector<Message> take_deferred() { return std::exchange(deferred_, {}); }
  /// What somebody has tuned meanwhile.
  [[nodiscard]] const std::optional<wire::Knobs>& knobs() const { return knobs_; }

 private:
  using Clock = std::chrono::steady_clock;

  Outcome offer_all();
  Outcome offer(std::vector<wire::Offer>& offers);
  Outcome handle_waiting();
  Outcome receive();
  bool handle(Message message);
  bool handle(const wire::Verdict& verdict);
  bool take_grant(const wire::Grant& grant);
  bool donate(std::span<const wire::Donation> requests);
  bool sync();
  bool wait_for(short events);

  PageStates& states_;
  ImagePages& image_;
  Connection& connection_;
  const Membership& membership_;
  Patience patience_;
  Clock::time_point deadline_;
  std::uint32_t syncs_sent_ = 0;
  std::uint32_t syncs_answered_ = 0;
  std::vector<wire::Grant> grants_;
  std::optional<wire::Knobs> knobs_;
  std::vector<Message> deferred_;
};

}  // namespace samepage::dedup
