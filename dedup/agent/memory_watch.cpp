// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/memory_watch.hpp"

#include <utility>

#include "dedup/agent/memory_pace.hpp"
#include "dedup/agent/page_out_demand.hpp"

namespace samepage::dedup {
MemoryRoomReader& MemoryWatch::reader() {
  if (!reader_) reader_.emplace();
  return *reader_;
}

void MemoryWatch::look_at_start() {
  worker_.brake(Worker::Brake::paging, page_out_demand(room(), PageCount{0}).brake);
}

// Reading how much room there is costs some system calls, so that is done the rarer the more there is.
void MemoryWatch::look() {
  if (!worker_.paging().can_page_out()) {
    low_ = scarce_ = false;
    return worker_.brake(Worker::Brake::paging, false);
  }
  if (!is_due()) return;
  const PageStates& states = worker_.states();
  using State = PageStates::State;
  const PageCount own{states.count(State::own) + states.count(State::offered)};
  const MemoryRoom room = this->room();
  const Clock::time_point now = Clock::now();
  const PageOutDemand demand =
      page_out_demand(room, own, stall_share_.told(room.source, room.stalled_us, now));
  next_ = now + demand.look_again;
  low_ = demand.low;
  scarce_ = demand.look_again <= scarce_within;
  // A guest that has nothing left of its own gives what it shares and does not use.
  if (demand.low && demand.pages == 0) {
    worker_.paging().want_frames_out();
    frames_demanded_ = true;
  }
  if (!demand.low && std::exchange(frames_demanded_, false)) worker_.paging().want_no_frames_out();
  if (worker_.page_outs().active()) {
    if (demand.brake) worker_.brake(Worker::Brake::paging, true);
    if (demand.pages == 0) worker_.brake(Worker::Brake::paging, false);
    return;
  }
  // A guest that has nothing to give, or nowhere to, is not stopped for it. One that had nothing cold may
  // have.
  const bool in_vain = demanded_ && demanded_any_ && worker_.page_outs().went() == 0;
  worker_.brake(Worker::Brake::paging, demand.brake && !in_vain);
  demanded_ = demand.pages > 0;
  frames_demanded_ = frames_demanded_ || demanded_;
  if (!demanded_) return;
  demanded_any_ = demand.brake;
  stall_share_.acted();
  worker_.paging().begin(demand.pages, demand.brake ? PageOuts::Which::by_order : PageOuts::Which::cold);
}

void MemoryWatch::go_on_bringing_back() {
  constexpr std::uint32_t pages_at_a_time = 2048;
  if (!worker_.page_outs().returning()) return;
  const MemoryRoom room = this->room();
  // What others could need more is left where it is.
  if (room.available < 2 * low_water(room)) return worker_.paging().end_return();
  worker_.paging().bring_back(pages_at_a_time);
}

}  // namespace samepage::dedup
