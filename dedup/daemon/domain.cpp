// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/domain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "base/check.hpp"

namespace samepage::dedup {

using Outcome = Merger::Outcome;

namespace {

void say(const std::system_error& error) {
  fmt::print(stderr, "samepaged: {}\n", error.what());
}

}  // namespace

Domain::Domain(std::string label, uid_t owner, std::uint32_t max_frames, DupPolicy dup_policy)
    : label_(std::move(label)),
      owner_(owner),
      merger_(
          max_frames, [this](FrameId from, FrameId to) { return copy_frame(from, to); }, dup_policy) {}

bool Domain::copy_frame(FrameId from, FrameId to) {
  try {
    store_.copy(from, to);
    return true;
  } catch (const std::system_error& error) {
    say(error);
    return false;
  }
}

PageId Domain::join(std::uint32_t pages, GuestLink& link) {
  const PageId first = merger_.add_guest(pages);
  try {
    guests_.emplace(first.value, Guest{pages, &link});
  } catch (...) {
    merger_.remove_guest(first, pages);
    throw;
  }
  return first;
}

bool Domain::detach(PageId guest) {
  Guest& gone = guests_.at(guest.value);
  gone.link = nullptr;
  return merger_.detach_guest(guest, gone.pages);
}

void Domain::reattach(PageId guest, GuestLink& link) {
  Guest& back = guests_.at(guest.value);
  back.link = &link;
  back.retained_to = 0;
}

bool Domain::settled(PageId guest) const {
  return !guests_.at(guest.value).retained_to;
}

Outcome Domain::retained(PageId guest, Pages ranges) {
  Guest& back = guests_.at(guest.value);
  const auto let_go_to = [&](std::uint32_t end) {
    for (std::uint32_t page = *back.retained_to; page < end; ++page)
      merger_.not_retained({guest.value + page});
    back.retained_to = end;
  };
  for (const wire::PageRange& range : ranges) {
    if (range.page < *back.retained_to || range.page >= back.pages || range.count > back.pages - range.page)
      return Outcome::violation;
    let_go_to(range.page);
    for (const std::uint32_t end = range.page + range.count; *back.retained_to < end; ++*back.retained_to) {
      if (merger_.retained({guest.value + *back.retained_to}) == Outcome::violation)
        return Outcome::violation;
    }
  }
  if (ranges.empty()) {
    let_go_to(back.pages);
    back.retained_to.reset();
  }
  return Outcome::done;
}

void Domain::leave(PageId guest) {
  merger_.remove_guest(guest, guests_.at(guest.value).pages);
  guests_.erase(guest.value);
}

template <typename Act>
Outcome Domain::for_each_page(PageId guest, Pages ranges, Act act) {
  const std::uint32_t pages = guests_.at(guest.value).pages;
  std::uint32_t from =
      0;  // ascending ranges without overlap: a message costs no more than the guest has pages
  for (const wire::PageRange& range : ranges) {
    if (range.page < from || range.page >= pages || range.count > pages - range.page)
      return Outcome::violation;
    from = range.page + range.count;
    for (std::uint32_t page = range.page; page < range.page + range.count; ++page) {
      if (act(PageId{guest.value + page}) == Outcome::violation) return Outcome::violation;
    }
  }
  return Outcome::done;
}

Outcome Domain::offer(PageId guest, std::span<const wire::Offer> offers, Merger::FirstSighting first) {
  const std::uint32_t pages = guests_.at(guest.value).pages;
  for (const wire::Offer& offer : offers) {
    if (offer.page >= pages || offer.digest >> Digest::bits != 0) return Outcome::violation;
    if (merger_.offer({guest.value + offer.page}, {offer.digest}, first) == Outcome::violation)
      return Outcome::violation;
  }
  return Outcome::done;
}

Outcome Domain::withdraw(PageId guest, Pages pages) {
  return for_each_page(guest, pages, [&](PageId page) { return merger_.withdraw(page); });
}

Outcome Domain::answered(PageId guest, Pages pages, Merger::Answer answer) {
  return for_each_page(guest, pages, [&](PageId page) { return merger_.answered(page, answer); });
}

Outcome Domain::broken(PageId guest, Pages pages) {
  return for_each_page(guest, pages, [&](PageId page) { return merger_.broken(page); });
}

Outcome Domain::donated(PageId guest, std::uint32_t page, std::span<const std::byte> bytes) {
  if (page >= guests_.at(guest.value).pages) return Outcome::violation;
  const Digest digest = digest_of_page(bytes.data(), secret_);
  const auto frame = merger_.donated({guest.value + page}, digest);
  if (!frame) return Outcome::done;
  try {
    store_.write(*frame, bytes);
  } catch (const std::system_error& error) {
    // No memory for the frame: it stays unpublished, and its pages stay where they are.
    say(error);
    return merger_.withdraw({guest.value + page});
  }
  merger_.publish(*frame);
  return Outcome::done;
}

// Empty for a page of a guest that has left since the order was given.
std::optional<Domain::Recipient> Domain::recipient_of(PageId page) {
  auto guest = guests_.upper_bound(page.value);
  if (guest == guests_.begin()) return std::nullopt;
  --guest;
  const std::uint32_t ordinal = page.value - guest->first;
  if (ordinal >= guest->second.pages || guest->second.link == nullptr) return std::nullopt;
  return Recipient{guest->second.link, ordinal};
}

void Domain::carry_out() {
  const MergerOrders orders = merger_.take_orders();
  reap(orders.reaped);
  std::set<GuestLink*> ordered;
  // A guest that was detached meanwhile hears nothing: what it was granted counts until its process is gone.
  for (const auto& [page, frame] : orders.grants) {
    if (const auto to = recipient_of(page)) to->link->grant(to->page, frame), ordered.insert(to->link);
  }
  for (const auto& [page, frame] : orders.donations) {
    if (const auto to = recipient_of(page)) to->link->request_donation(to->page), ordered.insert(to->link);
  }
  for (GuestLink* link : ordered) link->flush();
}

void Domain::trim() {
  if (store_.allocated_bytes() <= PageCount{merger_.books().frames_in_use()}.bytes()) return;
  merger_.books().for_each_free_run(
      [&](std::uint32_t first, std::uint32_t count) { store_.reap({first}, count); });
  store_.reap_from({merger_.books().frames_end()});
}

void Domain::reap(std::vector<FrameId> frames) {
  std::sort(frames.begin(), frames.end());
  for (std::size_t first = 0; first < frames.size();) {
    std::size_t end = first + 1;
    while (end < frames.size() && frames[end].value == frames[end - 1].value + 1) ++end;
    store_.reap(frames[first], static_cast<std::uint32_t>(end - first));
    first = end;
  }
}

}  // namespace samepage::dedup
