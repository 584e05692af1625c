// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/frame_refs.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr unsigned state_shift = 60;
constexpr unsigned frame_shift = 30;
constexpr std::uint64_t low_30 = (std::uint64_t{1} << 30) - 1;
constexpr std::uint64_t low_60 = (std::uint64_t{1} << 60) - 1;
static_assert(Digest::bits == 60);

constexpr std::uint64_t with_state(std::uint64_t state, std::uint64_t payload) {
  return state << state_shift | payload;
}

bool links(PageKnowledge knowledge) {
  return knowledge == PageKnowledge::waiting || knowledge == PageKnowledge::granted ||
         knowledge == PageKnowledge::merged;
}

}  // namespace

FrameRefs::FrameRefs(std::uint32_t frames)
    : words_(Mapping::anonymous(std::size_t{max_pages} * sizeof(std::uint64_t))),
      previous_(Mapping::anonymous(std::size_t{max_pages} * sizeof(std::uint32_t))),
      frame_numbers_(std::min(frames, max_frames)) {
  // Small pages, so that a guest's books cost what it has touched.
  ::madvise(words_.data(), words_.size(), MADV_NOHUGEPAGE);
  ::madvise(previous_.data(), previous_.size(), MADV_NOHUGEPAGE);
}

void FrameRefs::forget_pages(PageId first, std::uint32_t pages) {
  const auto drop = [&](const Mapping& books, std::size_t entry) {
    const std::size_t start = pages_for(first.value * entry).bytes();
    const std::size_t end = pages_in((std::size_t{first.value} + pages) * entry).bytes();
    if (end > start) ::madvise(books.data() + start, end - start, MADV_DONTNEED);
  };
  drop(words_, sizeof(std::uint64_t));
  drop(previous_, sizeof(std::uint32_t));
}

PageKnowledge FrameRefs::knowledge(PageId page) const {
  return static_cast<PageKnowledge>(word(page.value) >> state_shift);
}

bool FrameRefs::is_linked(PageId page) const {
  return links(knowledge(page));
}

Digest FrameRefs::digest(PageId page) const {
  return {word(page.value) & low_60};
}

FrameId FrameRefs::frame(PageId page) const {
  return {static_cast<std::uint32_t>(word(page.value) >> frame_shift & low_30)};
}

std::uint32_t FrameRefs::next_of(std::uint32_t page) const {
  return static_cast<std::uint32_t>(word(page) & low_30);
}

void FrameRefs::set_next(std::uint32_t page, std::uint32_t next) {
  word(page) = (word(page) & ~low_30) | next;
}

void FrameRefs::set_none(PageId page) {
  invariant(!is_linked(page), "a sharer of a frame is forgotten");
  word(page.value) = 0;
}

void FrameRefs::set_unshared(PageId page, Digest digest) {
  invariant(!is_linked(page), "a sharer of a frame is forgotten");
  word(page.value) = with_state(static_cast<std::uint64_t>(PageKnowledge::unshared), digest.value);
}

void FrameRefs::set_linked(PageId page, PageKnowledge knowledge) {
  invariant(is_linked(page) && links(knowledge), "a page without a frame is granted");
  word(page.value) = with_state(static_cast<std::uint64_t>(knowledge), word(page.value) & low_60);
}

std::optional<FrameId> FrameRefs::allocate(Digest digest, FrameId wanted) {
  const auto number = frame_numbers_.allocate_near(wanted.value);
  if (!number) return std::nullopt;
  if (*number >= frames_.size()) frames_.resize(*number + 1);
  allocate_reserved({*number}, digest);
  return FrameId{*number};
}

std::optional<FrameId> FrameRefs::reserve(std::uint32_t count) {
  const auto first = frame_numbers_.allocate_run(count);
  if (!first) return std::nullopt;
  if (*first + count > frames_.size()) frames_.resize(*first + count);
  return FrameId{*first};
}

void FrameRefs::unreserve(FrameId first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i)
    invariant(state(first + i) == FrameState::free, "a reserved number in use is given back");
  frame_numbers_.release(first.value, count);
}

void FrameRefs::allocate_reserved(FrameId frame, Digest digest) {
  invariant(state(frame) == FrameState::free, "a frame is allocated twice");
  frames_[frame.value] = {with_state(static_cast<std::uint64_t>(FrameState::waiting), digest.value), no_page,
                          0};
  ++frames_in_use_;
}

void FrameRefs::publish(FrameId frame) {
  invariant(state(frame) == FrameState::waiting, "a frame is published twice");
  Frame& record = frames_[frame.value];
  record.word = with_state(static_cast<std::uint64_t>(FrameState::published), record.word & low_60);
}

void FrameRefs::release(FrameId frame) {
  release_reserved(frame);
  frame_numbers_.release(frame.value, 1);
}

void FrameRefs::release_reserved(FrameId frame) {
  invariant(state(frame) != FrameState::free && references(frame) == 0, "a frame in use is released");
  frames_[frame.value].word = 0;
  --frames_in_use_;
}

FrameState FrameRefs::state(FrameId frame) const {
  return static_cast<FrameState>(frames_[frame.value].word >> state_shift);
}

Digest FrameRefs::digest(FrameId frame) const {
  return {frames_[frame.value].word & low_60};
}

std::uint32_t FrameRefs::references(FrameId frame) const {
  return frames_[frame.value].references;
}

void FrameRefs::link(PageId page, FrameId frame, PageKnowledge knowledge) {
  invariant(!is_linked(page) && links(knowledge), "a page joins a second frame");
  Frame& record = frames_[frame.value];
  word(page.value) = with_state(static_cast<std::uint64_t>(knowledge),
                                std::uint64_t{frame.value} << frame_shift | record.head);
  this->previous(page.value) = no_page;
  if (record.head != no_page) this->previous(record.head) = page.value;
  record.head = page.value;
  ++record.references;
}

std::uint32_t FrameRefs::unlink(PageId page) {
  invariant(is_linked(page), "a page leaves a frame that it does not share");
  Frame& record = frames_[frame(page).value];
  const std::uint32_t next = next_of(page.value);
  const std::uint32_t previous = this->previous(page.value);
  if (next != no_page) this->previous(next) = previous;
  if (previous != no_page) {
    set_next(previous, next);
  } else {
    record.head = next;
  }
  word(page.value) = 0;
  return --record.references;
}

std::uint64_t FrameRefs::memory_bytes(std::uint32_t pages) const {
  return pages * (sizeof(std::uint64_t) + sizeof(std::uint32_t)) + frames_.capacity() * sizeof(frames_[0]);
}

}  // namespace samepage::dedup
