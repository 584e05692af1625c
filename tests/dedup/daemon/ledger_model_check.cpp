// SPDX-License-Identifier: Apache-2.0
// What the Merger's records must say, counted page by page.
#include <algorithm>

#include "base/check.hpp"
#include "tests/dedup/daemon/ledger_model.hpp"

namespace samepage::dedup {

void LedgerModel::check() {
  for (const Guest& guest : guests_) {
    if (guest.phase == Phase::leaving) continue;
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) check_page(guest, guest.first + i);
  }
  check_counts();
  check_places();
}

void LedgerModel::check_page(const Guest& guest, PageId id) {
  const Page& p = page(id);
  const SharingState state = records().state(id);
  if (p.mapped) {
    const bool changes = guest.phase == Phase::detaching;  // it has been warmed, or will be
    const SharingState quiet = p.cold && !changes ? SharingState::cold : SharingState::merged;
    invariant(state == (p.granted ? SharingState::moving : quiet) || (changes && state == SharingState::cold),
              "a page that maps a frame is known as another");
    invariant(records().frame(id) == *p.mapped, "a page maps another frame than is known");
    invariant(published_.contains(*p.mapped), "a page maps a frame without bytes");
  } else if (p.granted) {
    invariant(state == SharingState::granted && records().frame(id) == *p.granted,
              "a page that was granted a frame is known as another");
  } else if (!p.offered) {
    invariant(state == SharingState::none, "a page is known that was never offered");
  } else if (state != SharingState::none) {
    invariant(!shape_.uniform || state == SharingState::waiting,
              "a page shows that nobody else has its content");
    invariant(state == SharingState::unshared || state == SharingState::waiting, "an offer became more");
    const Digest digest =
        state == SharingState::unshared ? records().digest(id) : records().digest(records().frame(id));
    invariant(digest == *p.offered, "a page is known by another content");
  } else {
    // Only where there is no room, or its guest goes.
    invariant(guest.phase == Phase::detaching || shape_.frames < 100, "an offer is lost");
  }
}

void LedgerModel::check_counts() {
  SharingCounts counts;
  std::map<FrameId, std::uint32_t> references, cold;
  std::set<FrameId> awaited;  // slots that a page was told to map instead
  for (const Guest& guest : guests_) {
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
      const PageId id = guest.first + i;
      const SharingState state = records().state(id);
      if (state == SharingState::unshared) ++counts.pages_unshared;
      if (!records().is_linked(id)) continue;
      const FrameId frame = records().frame(id);
      ++references[frame];
      const bool pending = state == SharingState::waiting || state == SharingState::granted;
      ++(pending ? counts.pages_pending : is_slot(frame) ? counts.pages_paged : counts.pages_merged);
      if (state == SharingState::cold || state == SharingState::moving) ++cold[frame];
      if (state == SharingState::moving) awaited.insert(records().twin(frame).value());
    }
  }
  for (const auto& [frame, count] : references) {
    invariant(records().references(frame) == count, "a frame's references are not those of its pages");
    invariant(records().cold(frame) == cold[frame], "a frame's cold pages are not those that are");
  }
  std::map<std::uint64_t, std::uint32_t> frames_of_content;
  for (const auto& [frame, digest] : published_) {
    ++(is_slot(frame) ? counts.slots : counts.pages_shared);
    if (!is_slot(frame) && ++frames_of_content[digest.value] > 1) ++counts.frame_dups;
    invariant(references.contains(frame) || awaited.contains(frame), "a frame stays that nobody needs");
  }
  invariant(merger_.counts() == counts, "the counts are not what there is");
}

// A content is known at one place: at the one page that has it, or at a frame. Who leaves a frame cold whose
// content is in a slot goes there.
void LedgerModel::check_places() {
  std::set<std::uint64_t> known, out;
  for (const auto& [frame, digest] : published_) {
    known.insert(digest.value);
    if (is_slot(frame)) out.insert(digest.value);
  }
  for (const auto& [id, p] : pages_) {
    if (!p.cold || p.granted) continue;
    invariant(!out.contains(published_.at(*p.mapped).value), "a page stays in memory whose content is out");
  }
  for (const Guest& guest : guests_) {
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
      const PageId id = guest.first + i;
      if (records().state(id) != SharingState::unshared) continue;
      invariant(known.insert(records().digest(id).value).second, "a content is known at two places");
    }
  }
}

// True while somebody had something to say.
bool LedgerModel::settle_once() {
  merger_.pass_over_silent_donors();
  go_on(Turn::endless);
  take_orders();
  bool said = false;
  for (const Guest& guest : guests_) {
    if (guest.phase != Phase::attached) continue;
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) {
      const PageId id = guest.first + i;
      if (page(id).granted) answer(id, Merger::Answer::kept), said = true;
      take_orders();
      if (records().state(id) != SharingState::waiting) continue;
      said = true;
      if (asked_.contains(id)) donate(id, *page(id).offered);
      take_orders();
    }
  }
  while (!room_.writing.empty()) {
    const FrameId slot = *room_.writing.begin();
    room_.writing.erase(room_.writing.begin());
    Turn whole(Turn::endless);
    publish(slot, whole);
    take_orders();
    said = true;
  }
  check();
  return said;
}

void LedgerModel::finish() {
  lacks_memory_ = false;
  merger_.let_frames_go();
  int rounds = 0;
  while (settle_once()) invariant(++rounds < 100, "pages wait for ever");
  for (Guest& guest : guests_) {
    Turn whole(Turn::endless);
    guest.done = 0;
    static_cast<void>(merger_.remove_guest(guest.first, pages_of_guest, guest.done, whole));
    for (std::uint32_t i = 0; i < pages_of_guest; ++i) pages_.erase(guest.first + i);
    take_orders();
  }
  invariant(merger_.counts() == SharingCounts{} && published_.empty(), "something is still counted");
  invariant(room_.taken().empty(), "a slot is left");
  invariant(records().frames_in_use() == 0 && records().slots_in_use() == 0, "a frame is left");
}

}  // namespace samepage::dedup
