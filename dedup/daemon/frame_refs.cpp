// SPDX-License-Identifier: Apache-2.0
// Long because the bits of the records are read and written here and nowhere else.
#include "dedup/daemon/frame_refs.hpp"

#include <algorithm>
#include <system_error>

#include "base/check.hpp"
#include "base/log.hpp"

namespace samepage::dedup {
FrameRefs::FrameRefs(std::uint32_t frames, Account* account)
    : frame_numbers_(std::min(frames, max_frames)), account_(account == nullptr ? &unlimited_ : account) {}

FrameRefs::~FrameRefs() {
  account_->release(charged_blocks_ * block_bytes + frames_in_use_ * frame_bytes +
                    slots_in_use_ * slot_bytes);
}

void FrameRefs::make_room(std::uint32_t end) {
  words_.grow(end);
  previous_.grow(end);
  recorded_.grow((std::size_t{end} + block - 1) / block);
}

void FrameRefs::forget_pages(PageId first, std::uint32_t pages) {
  const std::uint32_t end = first.value + pages;
  words_.clear(first.value, end);
  previous_.clear(first.value, end);
  // A block at the edge may be another guest's too, and stays charged.
  for (std::uint32_t at = (first.value + block - 1) / block; at < end / block; ++at) forget_block(at);
}

void FrameRefs::give_back_room(std::uint32_t end) noexcept {
  const std::size_t blocks = (std::size_t{end} + block - 1) / block;
  for (std::size_t at = blocks; at < recorded_.size(); ++at) forget_block(at);
  words_.shrink(end);
  previous_.shrink(end);
  recorded_.shrink(blocks);
}

bool FrameRefs::charge_block(std::uint32_t at) {
  if (!account_->charge_for_merging(block_bytes)) return false;
  recorded_[at] |= charged;
  ++charged_blocks_;
  return true;
}

void FrameRefs::forget_block(std::size_t at) noexcept {
  if ((recorded_[at] & charged) == 0) return;
  recorded_[at] = 0;
  --charged_blocks_;
  account_->release(block_bytes);
}

PageId FrameRefs::next_recorded(PageId first, PageId past_end, Turn& turn) const {
  constexpr std::uint32_t blocks_a_step = 64;
  std::uint32_t page = first.value;
  const std::uint32_t end = past_end.value;
  for (std::uint32_t passed = 0; page < end && !turn.over();) {
    if ((recorded_[page / block] & ~charged) == 0) {
      page = std::min(end, (page / block + 1) * block);
      if (++passed % blocks_a_step == 0) turn.take();
      continue;
    }
    const std::uint32_t block_end = std::min(end, (page / block + 1) * block);
    while (page < block_end && words_[page] == 0) ++page;
    if (page < block_end) break;
    turn.take();
  }
  return {page};
}

// The only place where a page gets or loses its record: it keeps the block's count.
void FrameRefs::set_word(std::uint32_t page, std::uint64_t value) {
  std::uint64_t& word = words_[page];
  recorded_[page / block] =
      static_cast<std::uint16_t>(recorded_[page / block] + (value != 0 ? 1 : 0) - (word != 0 ? 1 : 0));
  word = value;
}

std::uint32_t FrameRefs::next_of(std::uint32_t page) const {
  return static_cast<std::uint32_t>(words_[page] & low_30);
}

void FrameRefs::set_next(std::uint32_t page, std::uint32_t next) {
  words_[page] = (words_[page] & ~low_30) | next;
}

void FrameRefs::set_none(PageId page) {
  invariant(!is_linked(page), "a sharer of a frame is forgotten");
  set_word(page.value, 0);
}

void FrameRefs::set_unshared(PageId page, Digest digest) {
  invariant(!is_linked(page), "a sharer of a frame is forgotten");
  set_word(page.value, with_state(SharingState::unshared, digest.value));
}

void FrameRefs::set_linked(PageId page, SharingState state) {
  invariant(is_linked(page) && links(state), "a page without a frame is granted");
  if (is_cold(this->state(page)) != is_cold(state)) {
    Leaving& leaving = leaving_of(frame(page));
    // clang 14 refuses a choice between two bit-fields as values.
    if (is_cold(state)) {
      ++leaving.cold;
    } else {
      --leaving.cold;
    }
  }
  words_[page.value] = with_state(state, words_[page.value] & low_60);
}

std::optional<FrameId> FrameRefs::allocate(Digest digest, FrameId wanted) {
  return make_frame(frame_numbers_.allocate_near(wanted.value), digest);
}

std::optional<FrameId> FrameRefs::allocate_anywhere(Digest digest,
                                                    const std::function<std::uint64_t()>& random) {
  return make_frame(frame_numbers_.allocate_anywhere(random), digest);
}

std::optional<FrameId> FrameRefs::make_frame(std::optional<std::uint32_t> number, Digest digest) {
  if (!number) return std::nullopt;
  if (!make_frame_records(*number, 1) || !allocate_reserved({*number}, digest)) {
    frame_numbers_.release(*number, 1);
    return std::nullopt;
  }
  return FrameId{*number};
}

std::optional<FrameId> FrameRefs::allocate_slot(Digest digest, FrameId wanted, std::uint32_t end) {
  Slots& slots = slots_[paging_file_of(wanted)];
  const auto number = slots.numbers.allocate_near(ordinal_of(wanted), end);
  if (!number) return std::nullopt;
  const FrameId slot = slot_at(paging_file_of(wanted), *number);
  try {
    slots.frames.grow(std::size_t{*number} + 1);
    slots.donors.grow(std::size_t{*number} + 1);
    slots.leaving.grow(std::size_t{*number} + 1);
    if (allocate_reserved(slot, digest)) return slot;
  } catch (const std::system_error& error) {
    log_error("a slot is not made", error);
  }
  slots.numbers.release(*number, 1);
  return std::nullopt;
}

// A host without memory for records is a store without room for frames.
bool FrameRefs::make_frame_records(std::uint32_t first, std::uint32_t count) {
  try {
    frames_.grow(std::size_t{first} + count);
    donors_.grow(std::size_t{first} + count);
    leaving_.grow(std::size_t{first} + count);
    return true;
  } catch (const std::system_error& error) {
    log_error("a frame is not made", error);
    return false;
  }
}

std::optional<FrameId> FrameRefs::reserve(std::uint32_t count) {
  const auto first = frame_numbers_.allocate_run(count);
  if (!first) return std::nullopt;
  if (!make_frame_records(*first, count)) {
    frame_numbers_.release(*first, count);
    return std::nullopt;
  }
  return FrameId{*first};
}

void FrameRefs::unreserve(FrameId first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i)
    invariant(state(first + i) == FrameState::free, "a reserved number in use is given back");
  frame_numbers_.release(first.value, count);
}

bool FrameRefs::allocate_reserved(FrameId frame, Digest digest) {
  invariant(state(frame) == FrameState::free, "a frame is allocated twice");
  if (!account_->charge_for_merging(charge_of(frame))) return false;
  record(frame) = {with_state(FrameState::waiting, digest.value), no_page, 0};
  donor_of(frame) = {{no_page}, 0};
  ++(is_slot(frame) ? slots_in_use_ : frames_in_use_);
  return true;
}

void FrameRefs::publish(FrameId frame) {
  invariant(state(frame) == FrameState::waiting, "a frame is published twice");
  Frame& record = this->record(frame);
  if (record.head != no_page) waiting_.emplace(frame.value, record.head);
  record.head = no_page;
  record.word = with_state(FrameState::published, record.word & low_60);
}

std::optional<PageId> FrameRefs::next_waiting(FrameId frame) const {
  const auto head = waiting_.find(frame.value);
  if (head == waiting_.end()) return std::nullopt;
  return PageId{head->second};
}

void FrameRefs::release(FrameId frame) {
  release_reserved(frame);
  if (is_slot(frame)) {
    slots_[paging_file_of(frame)].numbers.release(ordinal_of(frame), 1);
  } else {
    frame_numbers_.release(frame.value, 1);
  }
}

void FrameRefs::release_reserved(FrameId frame) {
  invariant(state(frame) != FrameState::free && references(frame) == 0, "a frame in use is released");
  invariant(!twin(frame), "a frame is released whose content another place depends on");
  record(frame).word = 0;
  --(is_slot(frame) ? slots_in_use_ : frames_in_use_);
  account_->release(charge_of(frame));
}

void FrameRefs::set_twins(FrameId frame, FrameId slot) {
  invariant(!twin(frame) && !twin(slot), "a frame gets a second twin");
  leaving_of(frame).twin = slot.value + 1;
  leaving_of(slot).twin = frame.value + 1;
}

void FrameRefs::part_twins(FrameId frame) {
  const auto other = twin(frame);
  invariant(other.has_value(), "a frame has no twin");
  leaving_of(*other).twin = 0;
  leaving_of(frame).twin = 0;
}

void FrameRefs::link(PageId page, FrameId frame, SharingState state) {
  invariant(!is_linked(page) && links(state) && !is_cold(state), "a page joins a second frame");
  Frame& record = this->record(frame);
  set_word(page.value, with_state(state, std::uint64_t{frame.value} << frame_shift | record.head));
  previous_[page.value] = no_page;
  if (record.head != no_page) previous_[record.head] = page.value;
  record.head = page.value;
  ++record.references;
}

std::uint32_t FrameRefs::unlink(PageId page) {
  invariant(is_linked(page), "a page leaves a frame that it does not share");
  Frame& record = this->record(frame(page));
  if (is_cold(state(page))) --leaving_of(frame(page)).cold;
  const std::uint32_t next = next_of(page.value);
  const std::uint32_t previous = previous_[page.value];
  if (next != no_page) previous_[next] = previous;
  if (previous != no_page) {
    set_next(previous, next);
  } else if (record.head == page.value) {
    record.head = next;
  } else if (next != no_page) {
    waiting_.at(frame(page).value) = next;
  } else {
    waiting_.erase(frame(page).value);
  }
  set_word(page.value, 0);
  return --record.references;
}

std::pair<std::optional<PageId>, std::optional<PageId>> FrameRefs::two_sharers(FrameId frame) const {
  const std::uint32_t first = record(frame).head;
  if (first == no_page) return {};
  const std::uint32_t second = next_of(first);
  return {PageId{first}, second == no_page ? std::nullopt : std::optional(PageId{second})};
}

std::uint64_t FrameRefs::memory_bytes() const {
  std::uint64_t frames = frame_numbers_.end();
  for (const Slots& slots : slots_) frames += slots.numbers.end();
  return std::uint64_t{charged_blocks_} * block * (sizeof(std::uint64_t) + sizeof(std::uint32_t)) +
         frames * (sizeof(Frame) + sizeof(Donor));
}

}  // namespace samepage::dedup
