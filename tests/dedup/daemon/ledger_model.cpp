// SPDX-License-Identifier: Apache-2.0
#include "tests/dedup/daemon/ledger_model.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace samepage::dedup {

using Outcome = Merger::Outcome;
using Answer = Merger::Answer;

LedgerModel::LedgerModel(const Shape& shape, Choose choose)
    : choose_(std::move(choose)),
      shape_(shape),
      room_(shape.slots),
      merger_(
          shape.frames,
          [this](FrameId from, FrameId to) {
            invariant(published_.contains(from), "a dup of a frame without bytes");
            if (chance(8)) return false;
            published_[to] = published_.at(from);
            return true;
          },
          shape.dups, nullptr, shape.uniform ? nullptr : &room_,
          shape.uniform ? std::optional<std::uint64_t>(choose_(~0U)) : std::nullopt) {
  for (int i = 0; i < 3; ++i) guests_.push_back({merger_.add_guest(pages_of_guest)});
}

LedgerModel::Guest* LedgerModel::guest_of(PageId id) {
  for (Guest& guest : guests_) {
    if (id >= guest.first && id < guest.first + pages_of_guest) return &guest;
  }
  return nullptr;
}

// Of a guest that can say something.
std::optional<PageId> LedgerModel::some_page() {
  const Guest& guest = guests_[choose_(static_cast<std::uint32_t>(guests_.size()))];
  const PageId id = guest.first + choose_(pages_of_guest);
  return guest.phase == Phase::attached ? std::optional(id) : std::nullopt;
}

void LedgerModel::step() {
  const std::uint32_t what = choose_(20);
  const std::optional<PageId> id = some_page();
  if (what < 14 && !id) return;
  switch (what) {
    case 0:
    case 1:
    case 2:
      offer(*id, Digest{choose_(contents)});
      break;
    case 3:
      offer_run(*id);
      break;
    case 4:
      withdraw(*id);
      break;
    case 5:
    case 6:
      answer(granted_from(*id), Answer::kept);
      break;
    case 7:
      answer(chance(2) ? *id : granted_from(*id), chance(2) ? Answer::kept : Answer::refused);
      break;
    case 8:
      breaks(*id);
      break;
    case 9:
      cold(*id);
      break;
    case 10:
      leave_cold(*id);
      break;
    case 11:
      merger_.warm(*id);
      if (!page(*id).granted) page(*id).cold = false;
      break;
    case 12:
    case 13:
      donate(*id);
      break;
    case 14:
      slot_written();
      break;
    case 15:
      merger_.pass_over_silent_donors();
      break;
    case 16:
      lacks_memory_ = chance(2);
      if (lacks_memory_) {
        static_cast<void>(merger_.try_one_frame());
      } else {
        merger_.let_frames_go();
      }
      break;
    case 17:
      depart();
      break;
    default:
      go_on(choose_(64));
  }
  take_orders();
  check();
}

void LedgerModel::offer(PageId id, Digest digest) {
  Page& p = page(id);
  const auto first = static_cast<Merger::FirstSighting>(choose_(3));
  const Outcome outcome = merger_.offer(id, digest, first);
  invariant((outcome == Outcome::violation) == p.mapped.has_value(), "what maps a frame is offered");
  if (outcome == Outcome::done && !p.granted) p.offered = digest;
}

// Neighbours of one content.
void LedgerModel::offer_run(PageId id) {
  const Digest digest{choose_(contents)};
  const PageId end = guest_of(id)->first + pages_of_guest;
  for (PageId next = id; next < end; ++next) offer(next, digest);
}

void LedgerModel::withdraw(PageId id) {
  Page& p = page(id);
  const Outcome outcome = merger_.withdraw(id);
  invariant((outcome == Outcome::violation) == p.mapped.has_value(), "what maps a frame is withdrawn");
  p.offered.reset();
}

void LedgerModel::answer(PageId id, Answer answer) {
  Page& p = page(id);
  const Outcome outcome = merger_.answered(id, answer);
  invariant((outcome == Outcome::done) == p.granted.has_value(), "what was granted can be answered, once");
  if (outcome == Outcome::violation) return;
  if (answer == Answer::kept) p.mapped = p.granted;
  p.granted.reset();
  p.cold = false;
}

void LedgerModel::breaks(PageId id) {
  Page& p = page(id);
  const Outcome outcome = merger_.broken(id);
  invariant((outcome == Outcome::done) == p.mapped.has_value(), "what maps a frame can break");
  p.mapped.reset();
  p.cold = false;
}

void LedgerModel::cold(PageId id) {
  Page& p = page(id);
  const Outcome outcome = merger_.cold(id);
  invariant((outcome == Outcome::done) == p.mapped.has_value(), "what maps a frame can be cold");
  if (p.mapped && !p.granted && !is_slot(*p.mapped)) p.cold = true;
}

// All pages that map its frame.
void LedgerModel::leave_cold(PageId id) {
  const std::optional<FrameId> frame = page(id).mapped;
  if (!frame) return;
  for (const Guest& guest : guests_) {
    if (guest.phase != Phase::attached) continue;
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
      if (page(guest.first + i).mapped == frame) cold(guest.first + i);
    }
  }
}

// The next page of its guest that was granted a frame, or itself.
PageId LedgerModel::granted_from(PageId id) {
  const Guest& guest = *guest_of(id);
  for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
    const PageId next = guest.first + (id - guest.first + i) % pages_of_guest;
    if (page(next).granted) return next;
  }
  return id;
}

// Mostly the bytes that it was asked for.
void LedgerModel::donate(PageId id) {
  const auto asked = std::find_if(asked_.begin(), asked_.end(), [&](const auto& request) {
    const Guest* const guest = guest_of(request.first);
    return guest != nullptr && guest->phase == Phase::attached;
  });
  if (asked != asked_.end() && !chance(4)) id = asked->first;
  const std::optional<Digest> right = page(id).offered;
  donate(id, right && !chance(4) ? *right : Digest{choose_(contents)});
}

void LedgerModel::donate(PageId id, Digest digest) {
  Page& p = page(id);
  const bool waits = records().state(id) == SharingState::waiting;
  const FrameId frame = waits ? records().frame(id) : FrameId{};
  const bool is_donor =
      waits && records().state(frame) == FrameState::waiting && records().donor(frame).page == id;
  const bool wanted = is_donor && p.offered == digest;
  // Whose content is known donates in a uniform domain too, and for nothing.
  const bool known = shape_.uniform && std::any_of(published_.begin(), published_.end(),
                                                   [&](const auto& has) { return has.second == digest; });
  const auto made = merger_.donated(id, digest);
  invariant(made.has_value() == (wanted && !known), "the donor's bytes are taken, when they are right");
  if (is_donor && !wanted) p.offered.reset();
  asked_.erase(id);
  if (!made) return;
  invariant(*made == frame && !published_.contains(frame), "bytes for another frame");
  if (is_slot(frame)) {
    room_.writing.insert(frame);
  } else if (lacks_memory_) {
    merger_.not_written(frame, id);
  } else {
    Turn turn(choose_(4));
    publish(frame, turn);
  }
}

void LedgerModel::publish(FrameId frame, Turn& turn) {
  published_[frame] = records().digest(frame);
  merger_.publish(frame, turn);
}

void LedgerModel::slot_written() {
  if (room_.writing.empty()) return;
  auto slot = room_.writing.begin();
  std::advance(slot, choose_(static_cast<std::uint32_t>(room_.writing.size())));
  const FrameId frame = *slot;
  room_.writing.erase(slot);
  invariant(records().state(frame) == FrameState::waiting, "a slot is written that waits for nothing");
  Turn turn(choose_(8));
  if (chance(4)) {
    merger_.cancel(frame);
  } else {
    publish(frame, turn);
  }
}

void LedgerModel::go_on(std::uint64_t steps) {
  Turn turn(steps);
  go_on_departing(turn);
  static_cast<void>(merger_.go_on(turn));
}

void LedgerModel::depart() {
  Guest& guest = guests_[choose_(static_cast<std::uint32_t>(guests_.size()))];
  if (guest.phase == Phase::leaving) return;
  if (guest.phase == Phase::detached && chance(2)) return come_back(guest);
  if (guest.phase == Phase::attached && !chance(8)) return;
  const bool detaches = guest.phase == Phase::attached && !chance(3);
  guest.phase = detaches ? Phase::detaching : Phase::leaving;
  guest.done = 0;
  guest.references = false;
  for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
    asked_.erase(guest.first + i);
    if (!detaches) pages_.erase(guest.first + i);  // its process is gone
  }
}

void LedgerModel::go_on_departing(Turn& turn) {
  for (Guest& guest : guests_) {
    if (guest.phase == Phase::detaching) {
      if (!merger_.detach_guest(guest.first, pages_of_guest, guest.done, guest.references, turn)) continue;
      guest.phase = Phase::detached;
      for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
        Page& p = page(guest.first + i);
        p.offered.reset();
        if (!p.granted) p.cold = false;
        invariant(guest.references || (!p.granted && !p.mapped), "it goes without its references");
      }
    } else if (guest.phase == Phase::leaving) {
      if (!merger_.remove_guest(guest.first, pages_of_guest, guest.done, turn)) continue;
      guest = {merger_.add_guest(pages_of_guest)};
    }
  }
}

// It says what it has retained, and lies now and then.
void LedgerModel::come_back(Guest& guest) {
  guest.phase = Phase::attached;
  for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
    Page& p = page(guest.first + i);
    if (!chance(3)) continue;
    merger_.retained_out(guest.first + i);
    if (!p.mapped || !p.granted) continue;
    p.mapped = std::exchange(p.granted, std::nullopt);
    p.cold = false;
  }
  retain(guest);
}

void LedgerModel::retain(Guest& guest) {
  for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
    const PageId id = guest.first + i;
    Page& p = page(id);
    const bool has = p.mapped || p.granted;
    if (chance(8) ? has : !has) {
      merger_.not_retained(id);
      p = {};
      continue;
    }
    const Outcome outcome = merger_.retained(id);
    invariant((outcome == Outcome::done) == has, "what is mapped can be retained");
    if (outcome == Outcome::violation) {
      guest.phase = Phase::detaching;
      guest.done = 0;
      guest.references = false;
      return;
    }
    if (!p.mapped) p.mapped = std::exchange(p.granted, std::nullopt);
    if (!p.granted) p.cold = false;
  }
}

void LedgerModel::take_orders() {
  const MergerOrders orders = merger_.take_orders();
  for (const FrameId frame : orders.copies) {
    const auto slot = records().twin(frame);
    if (slot && records().state(*slot) == FrameState::waiting) room_.writing.insert(*slot);
  }
  for (const auto& [id, frame] : orders.grants) check_grant(id, frame);
  for (const auto& [id, frame] : orders.donations) asked_[id] = frame;
  for (const FrameId frame : orders.reaped) check_reaped(frame);
  std::erase_if(published_, [&](const auto& has_bytes) {
    return is_slot(has_bytes.first) && records().state(has_bytes.first) != FrameState::published;
  });
}

void LedgerModel::check_grant(PageId id, FrameId frame) {
  const Guest* const guest = guest_of(id);
  if (guest == nullptr || guest->phase == Phase::leaving) return;
  Page& p = page(id);
  const auto content = published_.find(frame);
  invariant(content != published_.end(), "a frame without bytes is granted");
  if (p.mapped) {
    invariant(is_slot(frame) && !is_slot(*p.mapped), "another frame than a slot for a merged page");
    invariant(published_.at(*p.mapped) == content->second, "a slot of another content");
    invariant(p.granted ? *p.granted == frame : p.cold, "a page that is used goes out");
  } else {
    invariant(p.offered == content->second, "a frame of another content");
  }
  p.granted = frame;
  p.offered.reset();
}

void LedgerModel::check_reaped(FrameId frame) {
  for (const auto& [id, p] : pages_) {
    invariant(p.mapped != frame && p.granted != frame, "a frame goes that is mapped");
  }
  invariant(published_.erase(frame) == 1, "a frame goes that was none");
}

}  // namespace samepage::dedup
