// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_outs.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "dedup/digest.hpp"

namespace samepage::dedup {

using State = PageStates::State;

void PageOuts::begin(std::uint64_t pages, Which which) {
  std::vector<PageRange> ranges;
  if (which == Which::all) {
    ranges.assign({pages_.all()});
  } else {
    ranges = coldness_.coldest(which == Which::cold ? quiet_passes : 0);
  }
  begin(std::move(ranges));
  left_ = pages;
}

void PageOuts::begin(std::vector<PageRange> ranges) {
  end_return();
  ranges_.assign(ranges.begin(), ranges.end());
  left_ = std::numeric_limits<std::uint64_t>::max();
  asked_.clear();
  round_ = 0;
  under_way_ = 0;
  went_ = 0;
  stalled_ = false;
  active_ = true;
  progress_ = Clock::now();
}

void PageOuts::begin_return() {
  const std::vector<PageRange> order = coldness_.warmest();
  returning_.assign(order.begin(), order.end());
}

std::vector<PageRange> PageOuts::next_to_return(std::uint32_t pages) {
  std::vector<PageRange> next;
  while (pages > 0 && !returning_.empty()) {
    PageRange& rest = returning_.front();
    // In one region.
    const PageIndex region_end = pages_.region_of(rest.first).pages.end();
    next.push_back(rest.take_front(std::min(pages, region_end - rest.first)));
    pages -= next.back().count;
    if (rest.empty()) returning_.pop_front();
  }
  return next;
}

void PageOuts::end() {
  active_ = false;
  ranges_.clear();
  asked_.clear();
}

bool PageOuts::begin_next_round() {
  if (round_ == rounds) return false;
  ++round_;
  std::vector<PageRange> still;
  for (const PageRange& range : std::exchange(asked_, {})) {
    for (const PageIndex page : range) {
      if (!states_.is_shared(page)) wire::append_page(still, page);
    }
  }
  ranges_.assign(still.begin(), still.end());
  return !ranges_.empty();
}

void PageOuts::withdrawn(std::span<const PageRange> pages) {
  if (!active_) return;
  std::uint64_t count = 0;
  for (const PageRange& range : pages) count += range.count;
  under_way_ -= std::min(under_way_, count);
}

void PageOuts::take(PageIndex page, const DigestSecret& secret, Batch& batch) {
  // A page that was shared and has memory of its own was written: a look has to say so first.
  if (states_.is_shared(page) || states_.is(page, State::unaffordable)) return;
  const std::byte* const memory = pages_.host(page);
  if (looks_zero(memory)) {
    wire::append_page(batch.zero, page);
    if (!states_.stands_offered(page)) return;
    states_.withdrawn(page);
    return wire::append_page(batch.withdrawn, page);
  }
  if (!states_.stands_offered(page)) states_.offered(page);
  wire::append_page(asked_, page);
  batch.offers.push_back({digest_of_page(memory, secret).value, page, 0});
}

PageOuts::Batch PageOuts::next(const DigestSecret& secret, Clock::time_point now) {
  Batch batch;
  if (!active_) return batch;
  if (now >= progress_ + patience) {
    // What was asked is not answered: once more, then no more.
    if (std::exchange(stalled_, true)) {
      end();
      return batch;
    }
    under_way_ = 0;
    progress_ = now;
  }
  if (left_ == 0 || (ranges_.empty() && under_way_ == 0 && !begin_next_round())) {
    end();
    return batch;
  }
  const std::uint64_t room = std::min({left_ - std::min(left_, under_way_),
                                       most_under_way - std::min(most_under_way, under_way_), batch_pages});
  if (room < std::min(left_, batch_pages) && under_way_ > 0) return batch;
  while (!ranges_.empty() && batch.offers.size() < room) {
    PageRange& rest = ranges_.front();
    // In one region, and not more than there is room for.
    const PageIndex region_end = pages_.region_of(rest.first).pages.end();
    const auto most = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(room - batch.offers.size(), region_end - rest.first));
    const PageRange part = rest.take_front(most);
    if (rest.empty()) ranges_.pop_front();
    for (const PageRun& run : pagemap_.populated(pages_.bytes_of(part))) {
      if (!run.is_own()) continue;
      for (const PageIndex page : pages_of(run, part.first)) take(page, secret, batch);
    }
  }
  under_way_ += batch.offers.size();
  if (!batch.offers.empty()) progress_ = now;
  return batch;
}

void PageOuts::answered(std::uint64_t granted, std::uint64_t kept, Clock::time_point now) {
  if (!active_) return;
  under_way_ -= std::min(under_way_, granted);
  left_ -= std::min(left_, kept);
  went_ += kept;
  if (granted == 0) return;
  progress_ = now;
  stalled_ = false;
  if (left_ == 0) end();
}

}  // namespace samepage::dedup
