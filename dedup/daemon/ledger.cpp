// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/ledger.hpp"

#include <functional>

#include "base/check.hpp"

namespace samepage::dedup {

PageId Ledger::add_pages(std::uint32_t pages) {
  const auto first = page_numbers_.allocate_run(pages);
  if (!first)
    throw UserError("the domain has as many pages as a domain may have; give the guest another --domain");
  try {
    records_.make_room(*first + pages);
  } catch (...) {
    page_numbers_.release(*first, pages);
    throw;
  }
  return {*first};
}

void Ledger::remove_pages(PageId first, std::uint32_t pages) {
  records_.forget_pages(first, pages);
  page_numbers_.release(first.value, pages);
  records_.give_back_room(page_numbers_.end());
}

// A slot of a file that guests leave is forgotten: whoever leaves it and offers the page would get it back,
// for as long as another one has it. Not while its content is on the way to it or from it.
std::optional<Sighting> Ledger::find(Digest digest) {
  const std::optional<Sighting> seen = index_.find(digest);
  if (!seen || !seen->is_frame() || !is_slot(seen->frame())) return seen;
  const FrameId slot = seen->frame();
  if (records_.state(slot) != FrameState::published || records_.twin(slot) ||
      !slots_->is_leaving(paging_file_of(slot))) {
    return seen;
  }
  index_.erase(digest, *seen);
  return std::nullopt;
}

void Ledger::note_unshared(PageId page, Digest digest) {
  records_.set_unshared(page, digest);
  index_.insert(digest, Sighting::of(page));
  ++counts_.pages_unshared;
}

void Ledger::forget_unshared(PageId page) {
  index_.erase(records_.digest(page), Sighting::of(page));
  records_.set_none(page);
  --counts_.pages_unshared;
}

std::optional<FrameId> Ledger::allocate(Digest digest) {
  const auto frame = records_.allocate(digest, last_frame_ + 1);
  if (frame) last_frame_ = *frame;
  return frame;
}

std::optional<FrameId> Ledger::open_frame(Digest digest) {
  const auto frame = allocate(digest);
  if (frame) index_.insert(digest, Sighting::of(*frame));
  return frame;
}

std::optional<FrameId> Ledger::open_apart(Digest digest) {
  return records_.allocate_anywhere(digest, std::ref(random_.value()));
}

void Ledger::shuffle(std::vector<PageAndFrame>& donations) {
  std::shuffle(donations.begin(), donations.end(), random_.value());
}

std::optional<FrameId> Ledger::open_slot(Digest digest) {
  const auto slot = allocate_slot(digest);
  if (slot) index_.insert(digest, Sighting::of(*slot));
  return slot;
}

std::optional<FrameId> Ledger::allocate_slot(Digest digest) {
  while (const auto file = slots_ == nullptr ? std::nullopt : slots_->next_file()) {
    const auto slot = records_.allocate_slot(digest, slot_at(*file, next_slot_[*file]), slots_->end(*file));
    if (!slot) {
      slots_->all_taken(*file);
      continue;
    }
    if (slots_->take(*slot)) {
      next_slot_[*file] = ordinal_of(*slot) + 1;
      return slot;
    }
    records_.release(*slot);
  }
  return std::nullopt;
}

void Ledger::release_frame(FrameId frame) {
  records_.release(frame);
  if (is_slot(frame)) slots_->release(frame);
}

std::optional<FrameId> Ledger::open_frame_for(PageId unshared) {
  const Digest digest = records_.digest(unshared);
  const auto frame = allocate(digest);
  if (!frame) return std::nullopt;
  index_.replace(digest, Sighting::of(unshared), Sighting::of(*frame));
  records_.set_none(unshared);
  --counts_.pages_unshared;
  wait(unshared, *frame);
  return frame;
}

void Ledger::close_waiting(FrameId frame) {
  invariant(records_.state(frame) == FrameState::waiting && records_.references(frame) <= 1,
            "a frame that pages wait for is closed");
  if (apart()) {
    if (const auto last = records_.two_sharers(frame).first) release(*last);
    return release_frame(frame);
  }
  const Digest digest = records_.digest(frame);
  if (const auto last = records_.two_sharers(frame).first) {
    release(*last);
    // The digest does not change, so the index may be asked in between.
    records_.set_unshared(*last, digest);
    index_.replace(digest, Sighting::of(frame), Sighting::of(*last));
    ++counts_.pages_unshared;
  } else {
    index_.erase(digest, Sighting::of(frame));
  }
  release_frame(frame);
}

void Ledger::publish(FrameId frame) {
  records_.publish(frame);
  if (apart()) index_.insert(records_.digest(frame), Sighting::of(frame));
  ++published(frame);
}

void Ledger::grant_known(PageId page, FrameId known) {
  const FrameId own = records_.frame(page);
  invariant(grant_waiting(page, known) == 0, "a frame apart has several sharers");
  release_frame(own);
}

std::uint32_t Ledger::grant_waiting(PageId page, FrameId frame) {
  const FrameId awaited = records_.frame(page);
  records_.unlink(page);
  records_.link(page, frame, SharingState::granted);
  return records_.references(awaited);
}

std::uint32_t Ledger::release(PageId page) {
  const SharingState state = records_.state(page);
  const bool pending = state == SharingState::waiting || state == SharingState::granted;
  --(pending ? counts_.pages_pending : confirmed(page));
  return records_.unlink(page);
}

void Ledger::change(PageId page, SharingState from, SharingState to) {
  invariant(records_.state(page) == from, "a page takes a step that its state does not allow");
  records_.set_linked(page, to);
}

std::optional<FrameId> Ledger::open_twin(FrameId frame) {
  const auto slot = allocate_slot(records_.digest(frame));
  if (!slot) return std::nullopt;
  records_.set_twins(frame, *slot);
  ++twins_under_way_;
  return slot;
}

void Ledger::close_twin(FrameId frame) {
  const FrameId slot = records_.twin(frame).value();
  invariant(records_.state(slot) == FrameState::waiting, "a slot is closed that has its bytes");
  records_.part_twins(frame);
  release_frame(slot);
  --twins_under_way_;
}

void Ledger::publish_twin(FrameId frame) {
  const FrameId slot = records_.twin(frame).value();
  publish(slot);
  index_.replace(records_.digest(frame), Sighting::of(frame), Sighting::of(slot));
  --twins_under_way_;
}

void Ledger::arrive(PageId page) {
  leave_for_twin(page);
  confirm(page);
}

void Ledger::leave_for_twin(PageId page) {
  invariant(records_.state(page) == SharingState::moving, "a page moves that was not told to");
  const FrameId slot = records_.twin(records_.frame(page)).value();
  release(page);
  grant(page, slot);
}

void Ledger::reap_moved(FrameId frame) {
  records_.part_twins(frame);
  drop_frame(frame, FrameNumber::freed);
}

void Ledger::take_back(FrameId frame) {
  const FrameId slot = records_.twin(frame).value();
  records_.part_twins(frame);
  index_.replace(records_.digest(frame), Sighting::of(slot), Sighting::of(frame));
  drop_frame(slot, FrameNumber::freed);
}

void Ledger::reap(FrameId frame, FrameNumber number) {
  const Digest digest = records_.digest(frame);
  if (!is_slot(frame) || index_.find(digest) == Sighting::of(frame)) {
    index_.erase(digest, Sighting::of(frame));
  }
  drop_frame(frame, number);
}

void Ledger::reap_one_of(FrameId frame, FrameId other, FrameNumber number) {
  const Digest digest = records_.digest(frame);
  if (index_.find(digest) == Sighting::of(frame)) {
    index_.replace(digest, Sighting::of(frame), Sighting::of(other));
  }
  --counts_.frame_dups;
  drop_frame(frame, number);
}

void Ledger::drop_frame(FrameId frame, FrameNumber number) {
  --published(frame);
  number == FrameNumber::freed ? release_frame(frame) : records_.release_reserved(frame);
}

void Ledger::publish_dup(FrameId dup) {
  publish(dup);
  ++counts_.frame_dups;
}

}  // namespace samepage::dedup
