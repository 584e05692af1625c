// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/merger.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace samepage::dedup {

PageId Merger::add_guest(std::uint32_t pages) {
  const auto first = page_numbers_.allocate_run(pages);
  if (!first) throw std::length_error("the domain has no page numbers left");
  return {*first};
}

bool Merger::detach_guest(PageId first, std::uint32_t pages) {
  bool references = false;
  for (std::uint32_t page = first.value; page < first.value + pages; ++page) {
    const PageKnowledge knowledge = books_.knowledge({page});
    if (knowledge == PageKnowledge::unshared || knowledge == PageKnowledge::waiting) leave({page});
    references = references || books_.is_linked({page});
  }
  return references;
}

Merger::Outcome Merger::retained(PageId page) {
  if (books_.knowledge(page) == PageKnowledge::granted) return answered(page, Answer::kept);
  return books_.knowledge(page) == PageKnowledge::merged ? Outcome::done : Outcome::violation;
}

void Merger::remove_guest(PageId first, std::uint32_t pages) {
  for (std::uint32_t page = first.value; page < first.value + pages; ++page) leave({page});
  page_numbers_.release(first.value, pages);
  books_.forget_pages(first, pages);
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
  if (!allocated) return;  // the store is full; the newcomer may be offered again when it has changed
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
  donors_[frame.value] = {donor, round_};
  orders_.donations.push_back({donor, frame});
}

void Merger::pass_over_silent_donors() {
  ++round_;
  std::vector<std::pair<FrameId, PageId>> others;
  for (const auto& waiting : donors_) {
    const Donor& silent = waiting.second;
    if (round_ - silent.round < 2) continue;
    const FrameId frame{waiting.first};
    std::optional<PageId> other;
    books_.for_each_sharer(frame, [&](PageId sharer) {
      if (sharer != silent.page) other = sharer;
    });
    if (other) others.emplace_back(frame, *other);
  }
  for (const auto& [frame, page] : others) ask_for(frame, page);
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
  const auto donor = donors_.find(frame.value);
  if (donor == donors_.end() || donor->second.page != page) return std::nullopt;
  if (books_.digest(frame) != digest) {
    leave(page);
    return std::nullopt;
  }
  return frame;
}

void Merger::publish(FrameId frame) {
  donors_.erase(frame.value);
  books_.publish(frame);
  ++counts_.pages_shared;
  const bool popular = is_popular(frame);
  books_.for_each_sharer(frame, [&](PageId sharer) {
    const FrameId own = frame_for(sharer, frame, popular);
    if (own == frame) {
      books_.set_linked(sharer, PageKnowledge::granted);
    } else {
      books_.unlink(sharer);
      books_.link(sharer, own, PageKnowledge::granted);
    }
    orders_.grants.push_back({sharer, own});
  });
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
  if (reaping || !copy_frame_(frame, dup)) {
    drop_empty(dups);
    return frame;
  }
  books_.allocate_reserved(dup, digest);
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
  const bool was_donor = donors_.at(frame.value).page == page;
  books_.unlink(page);
  --counts_.pages_pending;
  if (was_donor) find_donor(frame);
}

// The donor of a waiting frame has dropped out: ask another one, or give the frame up.
void Merger::find_donor(FrameId frame) {
  std::optional<PageId> candidate;
  books_.for_each_sharer(frame, [&](PageId sharer) { candidate = sharer; });
  if (books_.references(frame) > 1) {
    return ask_for(frame, *candidate);
  }
  donors_.erase(frame.value);
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
