// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/dups.hpp"

#include <algorithm>

namespace samepage::dedup {

bool Dups::is_popular(FrameId frame) const {
  return copy_frame_ && !is_slot(frame) && ledger_.records().references(frame) >= policy_.references;
}

// Whether the page before `page` has that content, too.
bool Dups::continues_content(PageId page, Digest digest) const {
  const FrameRefs& records = ledger_.records();
  if (page.value == 0) return false;
  const PageId before = page - 1;
  return records.is_linked(before) && records.digest(records.frame(before)) == digest;
}

FrameId Dups::frame_for(PageId page, FrameId frame, bool popular, std::span<const FrameId> reaped) {
  if (is_slot(frame) || (!popular && runs_.empty())) return frame;
  const Digest digest = ledger_.records().digest(frame);
  if (!continues_content(page, digest)) return frame;
  auto run = runs_.find(digest.value);
  if (run == runs_.end()) {
    const auto first = popular ? ledger_.reserve_run(policy_.run) : std::nullopt;
    if (!first) return frame;
    run = runs_.emplace(digest.value, Run{*first}).first;
  }
  const FrameId dup = run->second.first + page.value % policy_.run;
  if (ledger_.records().state(dup) == FrameState::published) return dup;
  if (std::find(reaped.begin(), reaped.end(), dup) == reaped.end() && make(dup, frame)) {
    ++run->second.frames;
    return dup;
  }
  drop_if_empty(run);
  return frame;
}

bool Dups::make(FrameId dup, FrameId from) {
  if (!ledger_.open_dup(dup, ledger_.records().digest(from))) return false;
  if (!copy_frame_(from, dup)) {
    ledger_.close_dup(dup);
    return false;
  }
  ledger_.publish_dup(dup);
  return true;
}

void Dups::reap(FrameId frame) {
  if (is_slot(frame)) return ledger_.reap(frame);  // the content may have frames, and dups, elsewhere by now
  const auto run = runs_.empty() ? runs_.end() : runs_.find(ledger_.records().digest(frame).value);
  if (run == runs_.end()) return ledger_.reap(frame);
  const FrameId first = run->second.first;
  const bool is_dup = first <= frame && frame < first + policy_.run;
  if (is_dup) --run->second.frames;
  const FrameNumber number = is_dup ? FrameNumber::stays_reserved : FrameNumber::freed;
  if (const auto other = another_than(frame, run->second)) {
    ledger_.reap_one_of(frame, *other, number);
  } else {
    ledger_.reap(frame, number);
  }
  drop_if_empty(run);
}

// Another frame of the same content. The index has one of them, the run the others.
std::optional<FrameId> Dups::another_than(FrameId frame, const Run& run) const {
  const FrameRefs& records = ledger_.records();
  const FrameId indexed = ledger_.find(records.digest(frame))->frame();
  if (indexed != frame) return indexed;
  if (run.frames == 0) return std::nullopt;
  FrameId other = run.first;
  while (other == frame || records.state(other) != FrameState::published) other = other + 1;
  return other;
}

void Dups::drop_if_empty(Runs::iterator run) {
  if (run->second.frames > 0) return;
  ledger_.unreserve_run(run->second.first, policy_.run);
  runs_.erase(run);
}

}  // namespace samepage::dedup
