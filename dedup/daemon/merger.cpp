// SPDX-License-Identifier: Apache-2.0
// Long because a page's way through all of its states is to be read in one place.
#include "dedup/daemon/merger.hpp"

#include <utility>
#include <vector>

namespace samepage::dedup {
namespace {

constexpr std::uint32_t steps_of_a_leave = 3;  // its frame may go

}  // namespace

// A page's walk begins here: its agent found it quiet and says what it holds. The page takes one of four
// ways: nobody has its content, another page has it, a frame awaits it, or a frame has it. From the third on,
// a grant ends the walk (answered()), after a donation (donated(), publish()) where the frame is new.
Merger::Outcome Merger::offer(PageId page, Digest digest, FirstSighting first) {
  switch (records().state(page)) {
    case SharingState::merged:
    case SharingState::cold:
    case SharingState::moving:
      return Outcome::violation;  // an agent reports the break first
    case SharingState::granted:
      return Outcome::done;  // the offer and the grant crossed; the answer to the grant will come
    case SharingState::unshared:
      if (records().digest(page) == digest && first != FirstSighting::pages_out) return Outcome::done;
      leave(page);
      break;
    case SharingState::waiting:
      leave(page);
      break;
    case SharingState::none:
      break;
  }
  // What can fail is done before anything changes.
  if (!ledger_.prepare(page)) return Outcome::done;
  if (ledger_.apart()) {
    ask_for_it(page, digest);
    return Outcome::done;
  }
  const std::optional<Sighting> seen = ledger_.find(digest);
  if (!seen) {
    first_sighting(page, digest, first);
  } else if (!seen->is_frame()) {
    second_sighting(seen->page(), page);
  } else {
    later_sighting(page, seen->frame());
  }
  return Outcome::done;
}

// Also where the content is known, and also where there is no room for one more frame: whether a page is
// merged, and when, is the same for what others have and for what nobody has.
void Merger::ask_for_it(PageId page, Digest digest) {
  const std::optional<FrameId> frame = ledger_.open_apart(digest);
  if (!frame) return;
  ledger_.wait(page, *frame);
  donors_.ask(*frame, page);
}

void Merger::first_sighting(PageId page, Digest digest, FirstSighting first) {
  std::optional<FrameId> frame;
  if (first == FirstSighting::makes_frame) frame = ledger_.open_frame(digest);
  if (first == FirstSighting::pages_out) frame = ledger_.open_slot(digest);
  if (!frame) return ledger_.note_unshared(page, digest);
  ledger_.wait(page, *frame);
  donors_.ask(*frame, page);
}

void Merger::second_sighting(PageId first, PageId second) {
  const auto frame = ledger_.open_frame_for(first);
  if (!frame) return;  // no room; the newcomer may be offered again when it has changed
  ledger_.wait(second, *frame);
  donors_.ask(*frame, second);
}

void Merger::later_sighting(PageId page, FrameId frame) {
  if (records().state(frame) == FrameState::waiting) return ledger_.wait(page, frame);
  const FrameId own = dups_.frame_for(page, frame, dups_.is_popular(frame), orders_.reaped);
  ledger_.grant(page, own);
  orders_.grants.push_back({page, own});
}

std::optional<FrameId> Merger::donated(PageId page, Digest digest) {
  if (records().state(page) != SharingState::waiting) return std::nullopt;
  const FrameId frame = records().frame(page);
  if (records().state(frame) != FrameState::waiting || !donors_.is_donor(page, frame)) return std::nullopt;
  if (records().digest(frame) != digest) {
    leave(page);
    return std::nullopt;
  }
  if (!ledger_.apart()) return frame;
  const std::optional<Sighting> known = ledger_.find(digest);
  if (!known) {
    ledger_.make_room();
    return frame;
  }
  ledger_.grant_known(page, known->frame());
  orders_.grants.push_back({page, known->frame()});
  return std::nullopt;
}

void Merger::not_written(FrameId frame, PageId page) {
  donors_.hold();
  donors_.ask_later(frame, page);
}

void Merger::publish(FrameId frame, Turn& turn) {
  if (evictions_.is_twin(frame)) return evictions_.written(frame);
  ledger_.publish(frame);
  if (!grant_waiting(frame, turn)) publishing_.push_back(frame);
}

// True when no page waits for the frame any more. It may have gone meanwhile, and be another one now.
bool Merger::grant_waiting(FrameId frame, Turn& turn) {
  const bool popular = dups_.is_popular(frame);
  for (auto page = records().next_waiting(frame); page; page = records().next_waiting(frame), turn.take()) {
    if (turn.over()) return false;
    const FrameId own = dups_.frame_for(*page, frame, popular, orders_.reaped);
    const std::uint32_t left = ledger_.grant_waiting(*page, own);
    orders_.grants.push_back({*page, own});
    if (left == 0) reap(frame);
  }
  return true;
}

Merger::Outcome Merger::answered(PageId page, Answer answer) {
  switch (records().state(page)) {
    case SharingState::granted:
      answer == Answer::kept ? ledger_.confirm(page) : leave(page);
      return Outcome::done;
    case SharingState::moving: {
      const FrameId frame = records().frame(page);
      answer == Answer::kept ? ledger_.arrive(page) : ledger_.stay(page);
      settle(frame);
      return Outcome::done;
    }
    default:
      return Outcome::violation;
  }
}

Merger::Outcome Merger::broken(PageId page) {
  switch (records().state(page)) {
    case SharingState::merged:
    case SharingState::cold:
      leave(page);
      return Outcome::done;
    case SharingState::moving: {
      // What the agent was told meanwhile it will still answer.
      const FrameId frame = records().frame(page);
      ledger_.leave_for_twin(page);
      settle(frame);
      return Outcome::done;
    }
    default:
      return Outcome::violation;
  }
}

Merger::Outcome Merger::cold(PageId page) {
  switch (records().state(page)) {
    case SharingState::merged:
    case SharingState::cold:
      if (!is_slot(records().frame(page))) evictions_.cold(page);
      return Outcome::done;
    case SharingState::moving:
      return Outcome::done;
    default:
      return Outcome::violation;
  }
}

void Merger::cancel(FrameId frame) {
  if (evictions_.is_twin(frame)) return evictions_.not_written(frame);
  if (records().state(frame) != FrameState::waiting) return;
  const Digest digest = records().digest(frame);
  std::vector<PageId> others;
  while (const auto page = records().two_sharers(frame).second) {
    ledger_.release(*page);
    others.push_back(*page);
  }
  ledger_.close_waiting(frame);
  for (const PageId page : others) static_cast<void>(offer(page, digest));
}

Merger::Outcome Merger::withdraw(PageId page) {
  switch (records().state(page)) {
    case SharingState::merged:
    case SharingState::cold:
    case SharingState::moving:
      return Outcome::violation;
    case SharingState::granted:
      return Outcome::done;
    default:
      leave(page);
      return Outcome::done;
  }
}

// The page takes part in nothing any more, whatever it took part in.
void Merger::leave(PageId page) {
  switch (records().state(page)) {
    case SharingState::none:
      return;
    case SharingState::unshared:
      return ledger_.forget_unshared(page);
    case SharingState::waiting:
      return leave_waiting(page);
    case SharingState::granted:
    case SharingState::merged:
    case SharingState::cold:
    case SharingState::moving:
      return leave_published(page);
  }
}

void Merger::leave_waiting(PageId page) {
  const FrameId frame = records().frame(page);
  if (records().state(frame) == FrameState::published)
    return leave_published(page);  // it was about to be granted
  const bool was_donor = donors_.is_donor(page, frame);
  if (ledger_.release(page) == 0 || was_donor) donors_.replace(frame);
}

void Merger::leave_published(PageId page) {
  const FrameId frame = records().frame(page);
  ledger_.release(page);
  settle(frame);
}

void Merger::settle(FrameId frame) {
  if (!evictions_.settle(frame) && records().references(frame) == 0) reap(frame);
}

void Merger::reap(FrameId frame) {
  if (!is_slot(frame)) orders_.reaped.push_back(frame);
  dups_.reap(frame);
}

bool Merger::detach_guest(PageId first, std::uint32_t pages, std::uint32_t& at, bool& references,
                          Turn& turn) {
  for (; at < pages && !turn.over(); ++at, turn.take()) {
    at = records().next_recorded(first + at, first + pages, turn) - first;
    if (at == pages || turn.over()) break;
    const PageId page = first + at;
    const SharingState state = records().state(page);
    if (state == SharingState::unshared || state == SharingState::waiting) leave(page);
    warm(page);  // nobody will say so
    references = references || records().is_linked(page);
  }
  return at == pages;
}

bool Merger::remove_guest(PageId first, std::uint32_t pages, std::uint32_t& at, Turn& turn) {
  // Their records' memory is given back in between: all of it at once would be a long step.
  constexpr std::uint32_t forgotten_at_once = 1U << 16U;
  while (at < pages && !turn.over()) {
    const std::uint32_t before = at;
    at = records().next_recorded(first + at, first + pages, turn) - first;
    if (at < pages && !turn.over()) leave(first + at++);
    turn.take(steps_of_a_leave);
    if (at / forgotten_at_once == before / forgotten_at_once) continue;
    const std::uint32_t start = before / forgotten_at_once * forgotten_at_once;
    ledger_.forget_pages(first + start, at / forgotten_at_once * forgotten_at_once - start);
  }
  if (at < pages) return false;
  ledger_.remove_pages(first, pages);
  return true;
}

Merger::Outcome Merger::retained(PageId page) {
  switch (records().state(page)) {
    case SharingState::granted:
      return answered(page, Answer::kept);
    case SharingState::merged:
      return Outcome::done;
    case SharingState::cold:
      ledger_.warm(page);
      return Outcome::done;
    case SharingState::moving:
      // It maps the frame, or it would have said so.
      orders_.grants.push_back({page, records().twin(records().frame(page)).value()});
      return Outcome::done;
    default:
      return Outcome::violation;
  }
}

void Merger::retained_out(PageId page) {
  if (records().state(page) == SharingState::moving) static_cast<void>(answered(page, Answer::kept));
}

bool Merger::go_on(Turn& turn) {
  while (!publishing_.empty() && !turn.over()) {
    if (grant_waiting(publishing_.front(), turn)) publishing_.pop_front();
  }
  return evictions_.go_on(turn) && donors_.ask_held(turn) && donors_.pass_over_silent(turn) &&
         publishing_.empty();
}

MergerOrders Merger::take_orders() {
  MergerOrders orders = std::exchange(orders_, {});
  orders.donations = donors_.take_requests();
  if (ledger_.apart()) ledger_.shuffle(orders.donations);
  return orders;
}

}  // namespace samepage::dedup
