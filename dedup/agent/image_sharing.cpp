// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/image_sharing.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/poll_timeout.hpp"
#include "dedup/agent/grants.hpp"
#include "dedup/digest.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {
namespace {

using Outcome = ImageSharing::Outcome;
using PageIs = ImagePages::State;

// Small enough that the daemon looks up one part of the image while the next is hashed, and publishes some
// donations while others are copied.
constexpr std::size_t offers_at_once = 1024;
constexpr std::size_t donations_at_once = 32;
static_assert(offers_at_once <= wire::max_offers);

}  // namespace

Outcome ImageSharing::run(Patience patience) {
  patience_ = patience;
  deadline_ = Clock::now() + patience.total;
  if (const Outcome offered = offer_all(); offered != Outcome::settled) return offered;
  if (!sync()) return Outcome::lost;
  // A donation is followed by a SYNC of its own, so the last answer comes when there is nothing left to do.
  while (syncs_answered_ < syncs_sent_) {
    if (!wait_for(POLLIN)) return Outcome::overdue;
    if (const Outcome received = receive(); received != Outcome::settled) return received;
  }
  return Outcome::settled;
}

Outcome ImageSharing::offer_all() {
  std::vector<wire::Offer> offers;
  offers.reserve(offers_at_once);
  for (const ImagePages::Run& run : image_.runs()) {
    for (const PageIndex page : run.pages) {
      const std::byte* const bytes = ImagePages::bytes_of(run, page);
      if (is_zero_page(bytes)) {
        image_.state(run, page) = PageIs::placed;  // untouched memory is zeros
        continue;
      }
      image_.state(run, page) = PageIs::offered;
      states_.offered(page);
      offers.push_back({digest_of_page(bytes, membership_.welcome.secret).value, page, 0});
      if (offers.size() < offers_at_once) continue;
      if (const Outcome sent = offer(offers); sent != Outcome::settled) return sent;
    }
  }
  return offers.empty() ? Outcome::settled : offer(offers);
}

Outcome ImageSharing::offer(std::vector<wire::Offer>& offers) {
  // A stopped daemon must not hold us for as long as a socket may block.
  if (!wait_for(POLLOUT)) return Outcome::overdue;
  if (!connection_.send_list<wire::Offer>(wire::Type::image, offers)) return Outcome::lost;
  offers.clear();
  return handle_waiting();
}

Outcome ImageSharing::handle_waiting() {
  while (connection_.readable()) {
    if (const Outcome received = receive(); received != Outcome::settled) return received;
  }
  return Outcome::settled;
}

// A daemon that never stops talking is no better than one that is silent.
Outcome ImageSharing::receive() {
  if (Clock::now() >= deadline_) return Outcome::overdue;
  std::optional<Message> message = connection_.receive();
  if (!message) return Outcome::lost;
  const auto type = static_cast<wire::Type>(message->type);
  const bool handled = handle(std::move(*message));
  fault_point(FaultIn::agent, FaultMoment::took, type);
  return handled ? Outcome::settled : Outcome::lost;
}

bool ImageSharing::handle(Message message) {
  switch (static_cast<wire::Type>(message.type)) {
    case wire::Type::verdict: {
      const auto verdict = wire::decode_verdict(message.payload);
      return verdict && handle(*verdict);
    }
    case wire::Type::synced: {
      const auto answer = wire::read_one<wire::Sync>(message.payload);
      return answer && answer->number == syncs_answered_ && syncs_answered_++ < syncs_sent_;
    }
    case wire::Type::knobs:
      knobs_ = wire::read_one<wire::Knobs>(message.payload);
      return knobs_.has_value();
    case wire::Type::guard:
    case wire::Type::paging_file:
      deferred_.push_back(std::move(message));
      return true;
    default:
      return false;
  }
}

bool ImageSharing::handle(const wire::Verdict& verdict) {
  for (const wire::Grant& grant : verdict.grants) {
    if (!take_grant(grant)) return false;
  }
  if (verdict.donate.empty()) return true;
  std::span<const wire::Donation> requests(verdict.donate);
  while (!requests.empty()) {
    const std::size_t count = std::min(donations_at_once, requests.size());
    if (!donate(requests.first(count))) return false;
    requests = requests.subspan(count);
  }
  return sync();
}

// False for a grant of what was not offered, of what was granted already, or of a frame that can't be.
bool ImageSharing::take_grant(const wire::Grant& grant) {
  if (!is_within(grant, wire::max_pages, membership_.welcome.max_frames)) return false;
  for (const PageIndex page : grant.pages()) {
    const ImagePages::Run* const run = image_.run_of(page);
    if (run == nullptr || std::exchange(image_.state(*run, page), PageIs::granted) != PageIs::offered)
      return false;
  }
  grants_.push_back(grant);
  return true;
}

bool ImageSharing::donate(std::span<const wire::Donation> requests) {
  for (const wire::Donation& request : requests) {
    const ImagePages::Run* const run = image_.run_of(request.page);
    if (run == nullptr || request.slot >= membership_.welcome.staging_slots) return false;
    std::memcpy(membership_.staging.data() + PageCount{request.slot}.bytes(),
                ImagePages::bytes_of(*run, request.page), page_size);
  }
  return connection_.send_list(wire::Type::donated, requests);
}

bool ImageSharing::sync() {
  return connection_.send(wire::Type::sync, wire::bytes_of(wire::Sync{syncs_sent_++}));
}

bool ImageSharing::wait_for(short events) {
  const auto end = std::min(deadline_, Clock::now() + patience_.silence);
  for (;;) {
    pollfd waiting{connection_.fd(), events, 0};
    const int ready = ::poll(&waiting, 1, poll_timeout(end));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

std::vector<wire::Grant> ImageSharing::take_grants() {
  return arranged(std::exchange(grants_, {}), wire::max_pages,
                  [&](PageIndex page) { return image_.run_of(page)->pages.end(); });
}

}  // namespace samepage::dedup
