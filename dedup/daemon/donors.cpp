// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/donors.hpp"

namespace samepage::dedup {

void Donors::note(FrameId frame, PageId page) {
  ledger_.set_donor(frame, {page, round_});
  asked_.push_back({frame, {page, round_}});
}

void Donors::ask(FrameId frame, PageId page) {
  note(frame, page);
  requests_.push_back({page, frame});
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
