// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/merger.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t steps_of_a_leave = 3;  // its frame may go

}  // namespace

PageId Merger::add_guest(std::uint32_t pages) {
  const auto first = page_numbers_.allocate_run(pages);
  if (!first)
    throw UserError("the domain has as many pages as a domain may have; give the guest another --domain");
  try {
    books_.make_room(*first + pages);
  } catch (...) {
    page_numbers_.release(*first, pages);
    throw;
  }
  return {*first};
}

bool Merger::detach_guest(PageId first, std::uint32_t pages, std::uint32_t& at, bool& references,
                          Turn& turn) {
  for (; at < pages && !turn.over(); ++at, turn.take()) {
    at = books_.next_known(first.value + at, first.value + pages, turn) - first.value;
    if (at == pages || turn.over()) break;
    const PageKnowledge knowledge = books_.knowledge({first.value + at});
    if (knowledge == PageKnowledge::unshared || knowledge == PageKnowledge::waiting)
      leave({first.value + at});
    references = references || books_.is_linked({first.value + at});
  }
  return at == pages;
}

Merger::Outcome Merger::retained(PageId page) {
  if (books_.knowledge(page) == PageKnowledge::granted) return answered(page, Answer::kept);
  return books_.knowledge(page) == PageKnowledge::merged ? Outcome::done : Outcome::violation;
}

bool Merger::remove_guest(PageId first, std::uint32_t pages, std::uint32_t& at, Turn& turn) {
  // Their records' memory is given back in between: all of it at once would be a long step.
  constexpr std::uint32_t forgotten_at_once = 1U << 16U;
  while (at < pages && !turn.over()) {
    const std::uint32_t before = at;
    at = books_.next_known(first.value + at, first.value + pages, turn) - first.value;
    if (at < pages && !turn.over()) leave({first.value + at++});
    turn.take(steps_of_a_leave);
    if (at / forgotten_at_once == before / forgotten_at_once) continue;
    const std::uint32_t start = before / forgotten_at_once * forgotten_at_once;
    books_.forget_pages({first.value + start}, at / forgotten_at_once * forgotten_at_once - start);
  }
  if (at < pages) return false;
  books_.forget_pages(first, pages);
  page_numbers_.release(first.value, pages);
  books_.give_back_room(page_numbers_.end());
  return true;
}

Merger::Outcome Merger::offer(PageId page, Digest digest, FirstSighting first) {
  switch (books_.knowledge(page)) {
    case PageKnowledge::merged:
      return Outcome::violation;  // an agent reports the break first
    case PageKnowledge::granted:
      return Outcome::done;  // the offer and the grant met on the way; the answer to the grant will come
    case PageKnowledge::unshared:
      if (books_.digest(page) == digest) return Outcome::done;
      leave(page);
      break;
    case PageKnowledge::waiting:
      leave(page);
      break;
    case PageKnowledge::none:
      break;
  }
  // What can fail is done before anything changes.
  if (!books_.admit(page)) return Outcome::done;
  index_.make_room();
  const std::optional<Sighting> seen = index_.find(digest);
  if (!seen) {
    first == FirstSighting::makes_frame ? make_frame(page, digest) : note_unshared(page, digest);
  } else if (!seen->is_frame()) {
    second_sighting(seen->page(), page, digest);
  } else {
    const bool published = books_.state(seen->frame()) == FrameState::published;
    const FrameId frame =
        published ? frame_for(page, seen->frame(), is_popular(seen->frame())) : seen->frame();
    books_.link(page, frame, published ? PageKnowledge::granted : PageKnowledge::waiting);
    ++counts_.pages_pending;
    if (published) orders_.grants.push_back({page, frame});
  }
  return Outcome::done;
}

void Merger::note_unshared(PageId page, Digest digest) {
  books_.set_unshared(page, digest);
  index_.insert(digest, Sighting::of(page));
  ++counts_.pages_unshared;
}

// Of a digest that the index does not know.
void Merger::make_frame(PageId page, Digest digest) {
  const auto allocated = books_.allocate(digest, last_frame_ + 1);
  if (!allocated) return note_unshared(page, digest);
  last_frame_ = *allocated;
  index_.insert(digest, Sighting::of(*allocated));
  books_.link(page, *allocated, PageKnowledge::waiting);
  ++counts_.pages_pending;
  ask_for(*allocated, page);
}

void Merger::second_sighting(PageId first, PageId second, Digest digest) {
  const auto allocated = books_.allocate(digest, last_frame_ + 1);
  if (!allocated) return;  // no room; the newcomer may be offered again when it has changed
  const FrameId frame = *allocated;
  last_frame_ = frame;
  index_.replace(digest, Sighting::of(first), Sighting::of(frame));
  books_.set_none(first);
  --counts_.pages_unshared;
  books_.link(first, frame, PageKnowledge::waiting);
  books_.link(second, frame, PageKnowledge::waiting);
  counts_.pages_pending += 2;
  ask_for(frame, second);
}

void Merger::ask_for(FrameId frame, PageId donor) {
  books_.set_donor(frame, {donor, round_});
  asked_.push_back({frame, {donor, round_}});
  orders_.donations.push_back({donor, frame});
}

bool Merger::go_on(Turn& turn) {
  while (!publishing_.empty() && !turn.over()) {
    if (grant_waiting(publishing_.front(), turn)) publishing_.pop_front();
  }
  return ask_others(turn) && publishing_.empty();
}

bool Merger::ask_others(Turn& turn) {
  for (; !asked_.empty() && is_silent(asked_.front()); turn.take()) {
    if (turn.over()) return false;
    const auto [frame, silent] = asked_.front();
    asked_.pop_front();
    if (books_.state(frame) != FrameState::waiting || books_.donor(frame) != silent) continue;
    const auto [first, second] = books_.two_sharers(frame);
    if (const auto other = first != silent.page ? first : second) {
      ask_for(frame, *other);
    } else {
      books_.set_donor(frame, {silent.page, round_});  // there is nobody else yet
      asked_.push_back({frame, {silent.page, round_}});
    }
  }
  return true;
}

Merger::Outcome Merger::withdraw(PageId page) {
  const PageKnowledge knowledge = books_.knowledge(page);
  if (knowledge == PageKnowledge::merged) return Outcome::violation;
  if (knowledge != PageKnowledge::granted) leave(page);
  return Outcome::done;
}

std::optional<FrameId> Merger::donated(PageId page, Digest digest) {
  if (books_.knowledge(page) != PageKnowledge::waiting) return std::nullopt;
  const FrameId frame = books_.frame(page);
  if (books_.state(frame) != FrameState::waiting || books_.donor(frame).page != page) return std::nullopt;
  if (books_.digest(frame) != digest) {
    leave(page);
    return std::nullopt;
  }
  return frame;
}

void Merger::publish(FrameId frame, Turn& turn) {
  books_.publish(frame);
  ++counts_.pages_shared;
  if (!grant_waiting(frame, turn)) publishing_.push_back(frame);
}

// True when no page waits for the frame any more. It may have gone meanwhile, and be another one now.
bool Merger::grant_waiting(FrameId frame, Turn& turn) {
  const bool popular = is_popular(frame);
  for (auto page = books_.next_waiting(frame); page; page = books_.next_waiting(frame), turn.take()) {
    if (turn.over()) return false;
    const FrameId own = frame_for(*page, frame, popular);
    const std::uint32_t left = books_.unlink(*page);
    books_.link(*page, own, PageKnowledge::granted);
    orders_.grants.push_back({*page, own});
    if (own != frame && left == 0) reap(frame);
  }
  return true;
}

bool Merger::is_popular(FrameId frame) const {
  return copy_frame_ && books_.references(frame) >= dup_policy_.references;
}

// The frame that `page` is to map for the content of the published `frame`: that one, or a dup when the page
// before has the same content and the content is popular, or was when it got its first dup.
FrameId Merger::frame_for(PageId page, FrameId frame, bool popular) {
  if (page.value == 0 || (!popular && dups_.empty())) return frame;
  const Digest digest = books_.digest(frame);
  const PageId before{page.value - 1};
  if (!books_.is_linked(before) || books_.digest(books_.frame(before)) != digest) return frame;
  auto dups = dups_.find(digest.value);
  if (dups == dups_.end()) {
    const auto first = popular ? books_.reserve(dup_policy_.run) : std::nullopt;
    if (!first) return frame;
    dups = dups_.emplace(digest.value, Dups{*first}).first;
  }
  const FrameId dup = dups->second.first + page.value % dup_policy_.run;
  if (books_.state(dup) == FrameState::published) return dup;
  // A number that is about to be reaped would lose the bytes that it gets now.
  const bool reaping = std::find(orders_.reaped.begin(), orders_.reaped.end(), dup) != orders_.reaped.end();
  const bool room = !reaping && books_.allocate_reserved(dup, digest);
  if (!room || !copy_frame_(frame, dup)) {
    if (room) books_.release_reserved(dup);
    drop_empty(dups);
    return frame;
  }
  books_.publish(dup);
  ++dups->second.frames;
  ++counts_.pages_shared;
  ++counts_.frame_dups;
  return dup;
}

void Merger::drop_empty(DupsOf::iterator dups) {
  if (dups->second.frames > 0) return;
  books_.unreserve(dups->second.first, dup_policy_.run);
  dups_.erase(dups);
}

Merger::Outcome Merger::answered(PageId page, Answer answer) {
  if (books_.knowledge(page) != PageKnowledge::granted) return Outcome::violation;
  if (answer == Answer::refused) {
    leave(page);
  } else {
    books_.set_linked(page, PageKnowledge::merged);
    --counts_.pages_pending;
    ++counts_.pages_merged;
  }
  return Outcome::done;
}

Merger::Outcome Merger::broken(PageId page) {
  if (books_.knowledge(page) != PageKnowledge::merged) return Outcome::violation;
  leave(page);
  return Outcome::done;
}

// The page takes part in nothing any more, whatever it took part in.
void Merger::leave(PageId page) {
  switch (books_.knowledge(page)) {
    case PageKnowledge::none:
      return;
    case PageKnowledge::unshared:
      return forget_unshared(page);
    case PageKnowledge::waiting:
      return leave_waiting(page);
    case PageKnowledge::granted:
    case PageKnowledge::merged:
      return leave_published(page);
  }
}

void Merger::forget_unshared(PageId page) {
  index_.erase(books_.digest(page), Sighting::of(page));
  books_.set_none(page);
  --counts_.pages_unshared;
}

void Merger::leave_published(PageId page) {
  const FrameId frame = books_.frame(page);
  --(books_.knowledge(page) == PageKnowledge::merged ? counts_.pages_merged : counts_.pages_pending);
  if (books_.unlink(page) == 0) reap(frame);
}

void Merger::reap(FrameId frame) {
  --counts_.pages_shared;
  orders_.reaped.push_back(frame);
  const Digest digest = books_.digest(frame);
  const auto dups = dups_.empty() ? dups_.end() : dups_.find(digest.value);
  if (dups == dups_.end()) {
    index_.erase(digest, Sighting::of(frame));
    return books_.release(frame);
  }
  const FrameId first = dups->second.first;
  const bool is_dup = first <= frame && frame < first + dup_policy_.run;
  if (is_dup) --dups->second.frames;
  if (*index_.find(digest) != Sighting::of(frame)) {
    --counts_.frame_dups;
  } else if (dups->second.frames == 0) {
    index_.erase(digest, Sighting::of(frame));
  } else {
    // The index stands on a frame that goes: one of the others takes its place.
    FrameId other = first;
    while (other == frame || books_.state(other) != FrameState::published) other = other + 1;
    index_.replace(digest, Sighting::of(frame), Sighting::of(other));
    --counts_.frame_dups;
  }
  is_dup ? books_.release_reserved(frame) : books_.release(frame);
  drop_empty(dups);
}

void Merger::leave_waiting(PageId page) {
  const FrameId frame = books_.frame(page);
  if (books_.state(frame) == FrameState::published)
    return leave_published(page);  // it was about to be granted
  const bool was_donor = books_.donor(frame).page == page;
  const std::uint32_t left = books_.unlink(page);
  --counts_.pages_pending;
  if (was_donor || left == 0) find_donor(frame);
}

// The donor of a waiting frame has dropped out: ask another one, or give the frame up.
void Merger::find_donor(FrameId frame) {
  const auto candidate = books_.two_sharers(frame).first;
  if (books_.references(frame) > 1) {
    return ask_for(frame, *candidate);
  }
  const Digest digest = books_.digest(frame);
  if (candidate) {
    books_.unlink(*candidate);
    --counts_.pages_pending;
    // The digest does not change, so the index may be asked in between.
    books_.set_unshared(*candidate, digest);
    ++counts_.pages_unshared;
    index_.replace(digest, Sighting::of(frame), Sighting::of(*candidate));
  } else {
    index_.erase(digest, Sighting::of(frame));
  }
  books_.release(frame);
}

MergerOrders Merger::take_orders() {
  return std::exchange(orders_, {});
}

}  // namespace samepage::dedup
