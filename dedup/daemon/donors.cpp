// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/donors.hpp"

namespace samepage::dedup {
namespace {

// Of a donor that was not asked yet: nobody waits for it, so it is never silent.
constexpr std::uint32_t not_asked = 0xffff'ffff;

}  // namespace

void Donors::note(FrameId frame, PageId page) {
  ledger_.set_donor(frame, {page, round_});
  asked_.push_back({frame, {page, round_}});
}

void Donors::ask(FrameId frame, PageId page) {
  if (holding_ && !is_slot(frame)) return ask_later(frame, page);
  note(frame, page);
  requests_.push_back({page, frame});
}

void Donors::ask_later(FrameId frame, PageId page) {
  ledger_.set_donor(frame, {page, not_asked});
  held_.push_back({page, frame});
}

// The first of those that are held. False when the frame has its bytes meanwhile, or another donor, or is
// gone.
bool Donors::ask_next() {
  const auto [page, frame] = held_.front();
  held_.pop_front();
  const FrameRefs& records = ledger_.records();
  if (records.state(frame) != FrameState::waiting || records.donor(frame) != Donor{page, not_asked})
    return false;
  note(frame, page);
  requests_.push_back({page, frame});
  return true;
}

bool Donors::ask_one() {
  while (!held_.empty()) {
    if (ask_next()) return true;
  }
  return false;
}

bool Donors::ask_held(Turn& turn) {
  for (; any_to_ask(); turn.take()) {
    if (turn.over()) return false;
    ask_next();
  }
  return true;
}

void Donors::replace(FrameId frame) {
  const FrameRefs& records = ledger_.records();
  if (records.references(frame) > 1) return ask(frame, *records.two_sharers(frame).first);
  ledger_.close_waiting(frame);
}

bool Donors::pass_over_silent(Turn& turn) {
  const FrameRefs& records = ledger_.records();
  for (; any_silent(); turn.take()) {
    if (turn.over()) return false;
    const auto [frame, silent] = asked_.front();
    asked_.pop_front();
    if (records.state(frame) != FrameState::waiting || records.donor(frame) != silent) continue;
    const auto [first, second] = records.two_sharers(frame);
    if (const auto other = first != silent.page ? first : second) {
      ask(frame, *other);
    } else {
      note(frame, silent.page);  // there is nobody else yet
    }
  }
  return true;
}

}  // namespace samepage::dedup
