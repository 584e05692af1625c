// SPDX-License-Identifier: Apache-2.0
// What agents say of their pages, carried out in turns.
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "dedup/daemon/domain.hpp"

namespace samepage::dedup {

using Outcome = Merger::Outcome;

namespace {

constexpr std::uint32_t steps_of_a_donation = 8;  // copied, hashed, written
constexpr std::uint32_t steps_of_a_break = 3;     // its frame may go
constexpr std::size_t records_ahead = 8;          // offers, for which the processor fetches what they need

// Whether a guest of so many pages has all of `range`.
bool lies_in(const PageRange& range, std::uint32_t pages) {
  return lies_below(range.first.value, range.count, pages);
}

}  // namespace

bool Domain::settled(PageId guest) const {
  return !guests_.at(guest).retained_to;
}

bool Domain::release_up_to(PageId guest, std::uint32_t end, Turn& turn) {
  std::uint32_t& page = *guests_.at(guest).retained_to;
  while (page < end) {
    page = merger_.records().next_recorded(guest + page, guest + end, turn) - guest;
    if (page == end) break;
    if (turn.over()) return false;
    merger_.not_retained(guest + page++);
    turn.take(steps_of_a_break);
  }
  return true;
}

Progress Domain::retained_out(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  if (guests_.at(guest).retained_to != 0U) return Progress::violation;
  return for_each_page(guest, pages, WithoutRecord::skipped, reached, turn, [&](PageId page) {
    turn.take(steps_of_a_break);
    merger_.retained_out(page);
    return Outcome::done;
  });
}

// What the guest was about to be granted goes with what it does not retain.
Progress Domain::retained(PageId guest, const Ranges& ranges, Reached& reached, Turn& turn) {
  if (!ranges.whole()) return Progress::violation;
  Guest& back = guests_.at(guest);
  std::uint32_t& to = *back.retained_to;
  for (; reached.entry < ranges.size(); ++reached.entry, reached.page = 0, turn.take()) {
    if (turn.over()) return Progress::more;
    const PageRange range = ranges[reached.entry];
    if (!lies_in(range, back.pages)) return Progress::violation;
    if (reached.page == 0) {
      if (range.first.value < to) return Progress::violation;
      if (!release_up_to(guest, range.first.value, turn)) return Progress::more;
    }
    for (; reached.page < range.count; ++reached.page, ++to, turn.take()) {
      if (turn.over()) return Progress::more;
      if (merger_.retained(guest + to) == Outcome::violation) return Progress::violation;
    }
  }
  if (ranges.size() > 0) return Progress::done;
  if (!release_up_to(guest, back.pages, turn)) return Progress::more;
  back.retained_to.reset();
  back.link = std::exchange(back.returning, nullptr);
  return Progress::done;
}

template <typename Act>
Progress Domain::for_each_page(PageId guest, const Ranges& ranges, WithoutRecord others, Reached& reached,
                               Turn& turn, Act act) {
  if (!ranges.whole()) return Progress::violation;
  const std::uint32_t pages = guests_.at(guest).pages;
  for (; reached.entry < ranges.size(); ++reached.entry, reached.page = 0, turn.take()) {
    if (turn.over()) return Progress::more;
    const PageRange range = ranges[reached.entry];
    // Ascending ranges without overlap: a message costs no more than the guest has pages.
    if (range.first < reached.past_end || !lies_in(range, pages)) return Progress::violation;
    const PageId start = guest + range.first;
    for (; reached.page < range.count; ++reached.page, turn.take()) {
      if (others == WithoutRecord::skipped) {
        reached.page =
            merger_.records().next_recorded(start + reached.page, start + range.count, turn) - start;
      }
      if (reached.page == range.count) break;
      if (turn.over()) return Progress::more;
      if (act(start + reached.page) == Outcome::violation) return Progress::violation;
    }
    reached.past_end = range.end();
  }
  return Progress::done;
}

Progress Domain::offer(PageId guest, const Offers& offers, Merger::FirstSighting first, Reached& reached,
                       Turn& turn) {
  if (!offers.whole() || offers.size() > wire::max_offers) return Progress::violation;
  const std::uint32_t pages = guests_.at(guest).pages;
  for (; reached.entry < offers.size(); ++reached.entry, turn.take()) {
    if (turn.over()) return Progress::more;
    const std::size_t soon = reached.entry + records_ahead, later = soon + records_ahead;
    if (later < offers.size()) merger_.prefetch({offers[later].digest});
    if (soon < offers.size()) merger_.prefetch_record({offers[soon].digest});
    const wire::Offer offer = offers[reached.entry];
    if (offer.page.value >= pages || offer.digest >> Digest::bits != 0) return Progress::violation;
    if (merger_.offer(guest + offer.page, {offer.digest}, first) == Outcome::violation)
      return Progress::violation;
  }
  return Progress::done;
}

// Most of what is withdrawn by the range was never offered.
Progress Domain::withdraw(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::skipped, reached, turn,
                       [&](PageId page) { return merger_.withdraw(page); });
}

Progress Domain::answered(PageId guest, const Ranges& pages, Merger::Answer answer, Reached& reached,
                          Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::visited, reached, turn,
                       [&](PageId page) { return merger_.answered(page, answer); });
}

Progress Domain::broken(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::visited, reached, turn, [&](PageId page) {
    turn.take(steps_of_a_break);
    return merger_.broken(page);
  });
}

Progress Domain::cold(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::visited, reached, turn,
                       [&](PageId page) { return merger_.cold(page); });
}

Progress Domain::warm(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::skipped, reached, turn, [&](PageId page) {
    merger_.warm(page);
    return Outcome::done;
  });
}

Progress Domain::used(PageId guest, const Ranges& pages, Reached& reached, Turn& turn) {
  return for_each_page(guest, pages, WithoutRecord::skipped, reached, turn, [&](PageId page) {
    const FrameRefs& records = merger_.records();
    if (records.state(page) == SharingState::merged && is_slot(records.frame(page)))
      slots_.came_in(paging_file_of(records.frame(page)));
    return Outcome::done;
  });
}

Outcome Domain::donated(PageId guest, PageIndex page, std::span<const std::byte> bytes, Turn& turn) {
  turn.take(steps_of_a_donation);
  if (page.value >= guests_.at(guest).pages) return Outcome::violation;
  const Digest digest = digest_of_page(bytes.data(), secret_);
  const auto frame = merger_.donated(guest + page, digest);
  if (!frame) return Outcome::done;
  if (is_slot(*frame)) {
    slots_.write(*frame, bytes);  // it is published when the disk has it
  } else if (write_frame(*frame, bytes)) {
    merger_.publish(*frame, turn);
  } else {
    merger_.not_written(*frame, guest + page);
  }
  return Outcome::done;
}

}  // namespace samepage::dedup
