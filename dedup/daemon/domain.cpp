// SPDX-License-Identifier: Apache-2.0
// Guests that come and go, the store, and what the Merger orders. What agents say of their pages is in
// domain_messages.cpp.
#include "dedup/daemon/domain.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <system_error>

#include "base/check.hpp"
#include "base/log.hpp"
#include "dedup/fault_points.hpp"

namespace samepage::dedup {

namespace {

// Where frames lie is no secret from agents. Guests are not told.
std::uint64_t random_seed() {
  const DigestSecret bytes = random_digest_secret();
  std::uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof(seed));
  return seed;
}

}  // namespace

Domain::Domain(std::string label, uid_t owner, std::shared_ptr<Account> account, std::uint32_t max_frames,
               DupPolicy dup_policy, Paging paging, Shortages& shortages)
    : label_(std::move(label)),
      owner_(owner),
      account_(std::move(account)),
      shortage_(shortages),
      slots_(
          paging.files, std::move(paging.post),
          [this](const std::vector<FrameId>& slots, int error) { slots_written(slots, error); }, shortages),
      merger_(max_frames, dup_maker(), dup_policy, account_.get(), uniform() ? nullptr : &slots_,
              uniform() ? std::optional(random_seed()) : std::nullopt) {}

CopyFrame Domain::dup_maker() {
  if (uniform()) return {};
  return [this](FrameId from, FrameId to) { return copy_frame(from, to); };
}

// A dup is worth a frame, and nobody waits for it.
bool Domain::copy_frame(FrameId from, FrameId to) {
  if (shortage_.lacks()) return false;
  try {
    store_.copy(from, to);
    return true;
  } catch (const std::system_error&) {
    return false;  // whoever needs a frame finds out for how long
  }
}

bool Domain::write_frame(FrameId frame, std::span<const std::byte> bytes) {
  try {
    if (fault_fails("frame-writing")) throw_errno("write of a frame");
    store_.write(frame, bytes);
  } catch (const std::system_error& error) {
    shortage_.refused(error);
    return false;
  }
  if (shortage_.over()) merger_.let_frames_go();
  fault_point("frame-written");
  return true;
}

void Domain::retry_frames() {
  const StoreShortage::Next next = shortage_.next();
  if (next == StoreShortage::Next::wait) return;
  const bool tried = next == StoreShortage::Next::try_one && merger_.try_one_frame();
  if (!tried) {
    shortage_.over();
    merger_.let_frames_go();
  }
  carry_out();
}

PageId Domain::join(std::uint32_t pages, GuestLink& link) {
  const PageId first = merger_.add_guest(pages);
  try {
    guests_.emplace(first, Guest{pages, &link});
  } catch (...) {
    Turn whole(Turn::endless);  // nothing is known of any page yet
    std::uint32_t at = 0;
    static_cast<void>(merger_.remove_guest(first, pages, at, whole));
    throw;
  }
  return first;
}

void Domain::detach(PageId guest) {
  depart(guest, Departure::detaches);
}

void Domain::reattach(PageId guest, GuestLink& link) {
  Guest& back = guests_.at(guest);
  std::erase(unreferenced_, guest);
  std::erase(departing_, guest);  // what it says next goes through all of its pages anyway
  back.departure = Departure::none;
  back.returning = &link;
  back.retained_to = 0;
}

void Domain::leave(PageId guest) {
  depart(guest, Departure::leaves);
}

void Domain::depart(PageId guest, Departure departure) {
  Guest& gone = guests_.at(guest);
  std::erase(unreferenced_, guest);  // what was found before it joined again is not so any more
  if (gone.departure == Departure::none) departing_.push_back(guest);
  gone.link = nullptr;
  gone.departure = departure;
  gone.done = 0;
  gone.referenced = false;
  gone.returning = nullptr;
}

bool Domain::go_on_departing(Turn& turn) {
  while (!departing_.empty() && !turn.over()) {
    const PageId first = departing_.front();
    Guest& guest = guests_.at(first);
    const bool leaves = guest.departure == Departure::leaves;
    if (!(leaves ? merger_.remove_guest(first, guest.pages, guest.done, turn)
                 : merger_.detach_guest(first, guest.pages, guest.done, guest.referenced, turn)))
      return false;
    departing_.pop_front();
    guest.departure = Departure::none;
    if (!leaves && !guest.referenced) unreferenced_.push_back(first);
    if (leaves) guests_.erase(first);
  }
  return departing_.empty();
}

bool Domain::go_on(Turn& turn) {
  const bool all = go_on_departing(turn) && merger_.go_on(turn) && trimmer_.go_on(turn);
  carry_out();
  return all;
}

std::vector<OpenSlots> Domain::open_slots(const GuestLink& link) {
  std::vector<OpenSlots> open;
  if (uniform()) return open;  // nothing goes out: what comes back slowly would be what nobody else has
  for (const unsigned file : slots_.files()) {
    if (link.has_file(file)) continue;
    try {
      open.push_back(slots_.open_read_only(file));
    } catch (const std::system_error& error) {
      log_error("a guest hears later of a paging file", error);
    }
  }
  return open;
}

void Domain::slots_written(const std::vector<FrameId>& slots, int error) {
  Turn whole(Turn::endless);  // as many as were donated in one message
  for (const FrameId slot : slots) {
    if (error == 0) {
      merger_.publish(slot, whole);
    } else {
      merger_.cancel(slot);
    }
  }
  // As many frames of the store have their turn now as have gone.
  Turn next;
  static_cast<void>(merger_.go_on(next));
  fault_point("slot-published");
  carry_out();
}

// It may have been reaped since the order was given.
void Domain::copy_to_twin(FrameId frame) {
  const auto slot = merger_.records().twin(frame);
  if (!slot || merger_.records().state(*slot) != FrameState::waiting) return;
  try {
    alignas(page_size) std::array<std::byte, page_size> bytes;
    store_.read(frame, bytes);
    slots_.write(*slot, bytes);
  } catch (const std::exception& error) {
    log_error("a frame does not go out", error);
    merger_.cancel(*slot);
  }
}

// Empty for a page of a guest that has left since the order was given.
std::optional<Domain::Recipient> Domain::recipient_of(PageId page) {
  auto guest = guests_.upper_bound(page);
  if (guest == guests_.begin()) return std::nullopt;
  --guest;
  const PageIndex ordinal = page.index_in(guest->first);
  const Guest& to = guest->second;
  if (ordinal.value >= to.pages) return std::nullopt;
  // Of a guest that comes back what it has said of its pages stands.
  GuestLink* const link = to.retained_to && ordinal.value < *to.retained_to ? to.returning : to.link;
  if (link == nullptr) return std::nullopt;
  return Recipient{link, ordinal};
}

void Domain::carry_out() {
  const MergerOrders orders = merger_.take_orders();
  for (const FrameId frame : orders.copies) copy_to_twin(frame);
  trimmer_.reap(orders.reaped);
  slots_.count_frames_out(orders.frames_out);
  if (!orders.reaped.empty()) fault_point("frame-reaped");
  std::set<GuestLink*> ordered;
  // A guest that was detached meanwhile hears nothing: what it was granted counts until its process is gone.
  for (const auto& [page, frame] : orders.grants) {
    const auto to = recipient_of(page);
    if (!to) continue;
    if (is_slot(frame) && !to->link->has_file(paging_file_of(frame))) {
      static_cast<void>(merger_.answered(page, Merger::Answer::refused));
      continue;
    }
    to->link->grant(to->page, frame);
    ordered.insert(to->link);
  }
  for (const auto& [page, frame] : orders.donations) {
    if (const auto to = recipient_of(page)) to->link->request_donation(to->page), ordered.insert(to->link);
  }
  for (GuestLink* link : ordered) link->flush();
  slots_.flush();
}

}  // namespace samepage::dedup
