// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/evictions.hpp"

namespace samepage::dedup {
namespace {

constexpr std::uint32_t steps_of_an_eviction = 8;  // its bytes are read and handed on

}  // namespace

bool Evictions::may_go(FrameId frame) const {
  if (is_slot(frame) || records().state(frame) != FrameState::published || records().twin(frame))
    return false;
  const std::uint32_t references = records().references(frame);
  return references > 0 && references <= most_references && records().cold(frame) == references &&
         !dups_.has(records().digest(frame));
}

void Evictions::cold(PageId page) {
  const FrameId frame = records().frame(page);
  if (records().state(page) == SharingState::merged) ledger_.cool(page);
  const auto slot = records().twin(frame);
  if (slot && records().state(*slot) == FrameState::published) return send(page, *slot);
  if (!may_go(frame) || records().queued(frame)) return;
  ledger_.set_queued(frame, true);
  queue_.push_back(frame);
}

void Evictions::send(PageId page, FrameId slot) {
  ledger_.send(page);
  orders_.grants.push_back({page, slot});
}

bool Evictions::go_on(Turn& turn) {
  for (; busy(); turn.take()) {
    if (turn.over()) return false;
    const FrameId frame = queue_.front();
    queue_.pop_front();
    ledger_.set_queued(frame, false);
    if (!may_go(frame) || !ledger_.open_twin(frame)) continue;  // without room it stays cold
    orders_.copies.push_back(frame);
    turn.take(steps_of_an_eviction);
  }
  return true;
}

void Evictions::written(FrameId slot) {
  const FrameId frame = *records().twin(slot);
  if (records().cold(frame) != records().references(frame) || dups_.has(records().digest(frame)))
    return ledger_.close_twin(frame);
  ledger_.publish_twin(frame);
  records().for_each_sharer(frame, [&](PageId page) { send(page, slot); });
}

bool Evictions::settle(FrameId frame) {
  const auto twin = records().twin(frame);
  if (!twin) return false;
  const FrameId source = is_slot(frame) ? *twin : frame;
  const FrameId slot = is_slot(frame) ? frame : *twin;
  if (records().state(slot) == FrameState::waiting) {
    if (records().references(source) > 0) return true;
    ledger_.close_twin(source);
    return false;
  }
  if (records().references(source) == 0) {
    ledger_.reap_moved(source);
    orders_.reaped.push_back(source);
    if (records().references(slot) == 0) {
      ledger_.reap(slot);
    } else {
      ++orders_.frames_out;
    }
  } else if (records().references(slot) == 0 && records().cold(source) == 0) {
    ledger_.take_back(source);
  }
  return true;
}

}  // namespace samepage::dedup
