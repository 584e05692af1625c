// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/page_states.hpp"

#include <cstring>

#include "base/check.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

PageStates::PageStates(std::uint32_t pages)
    : bytes_(Mapping::anonymous(pages_for(pages).bytes())), pages_(pages) {
  counts_[static_cast<std::size_t>(State::untouched)] = pages;
}

void PageStates::become(PageIndex page, State state, bool on_file, bool paged) {
  paged_ = paged_ - (is_paged(page) ? 1 : 0) + (paged ? 1 : 0);
  --counts_[static_cast<std::size_t>(of(page))];
  ++counts_[static_cast<std::size_t>(state)];
  const auto byte = static_cast<std::uint8_t>(static_cast<std::uint8_t>(state) | (on_file ? file_bit : 0U) |
                                              (paged ? paged_bit : 0U));
  byte_of(page).store(byte, std::memory_order_relaxed);
}

std::uint32_t PageStates::count_in(const PageRange& range, State state) const {
  std::uint32_t found = 0;
  for (const PageIndex page : range) found += is(page, state) ? 1U : 0U;
  return found;
}

// The first is right, and each equals the next one.
bool PageStates::all_are(const PageRange& range, State state, bool on_file) const {
  if (range.empty()) return true;
  const auto wanted = static_cast<std::uint8_t>(static_cast<std::uint8_t>(state) | (on_file ? file_bit : 0U));
  const std::byte* const first = bytes_.data() + range.first.value;
  return load(range.first) == wanted && std::memcmp(first, first + 1, range.count - 1) == 0;
}

KnownPage PageStates::known_from(const PageRange& range) const {
  KnownPage first = known(range.first);
  const std::uint8_t byte = load(range.first);
  std::uint32_t count = 1;
  while (count < range.count && load(range.first + count) == byte) ++count;
  first.pages = PageCount{count};
  return first;
}

std::vector<PageRange> PageStates::all_in(State state) const {
  return count(state) == 0 ? std::vector<PageRange>{} : parts_in({{0}, pages_}, state);
}

std::vector<PageRange> PageStates::all_paged() const {
  std::vector<PageRange> found;
  if (paged_ == 0) return found;
  for (const PageIndex page : PageRange{{0}, pages_}) {
    if (is_paged(page)) wire::append_page(found, page);
  }
  return found;
}

std::vector<PageRange> PageStates::all_in_store() const {
  std::vector<PageRange> found;
  if (count(State::merged) == paged_) return found;
  for (const PageIndex page : PageRange{{0}, pages_}) {
    if (is_in_store(page)) wire::append_page(found, page);
  }
  return found;
}

std::vector<PageRange> PageStates::parts_in(const PageRange& range, State state) const {
  std::vector<PageRange> found;
  for (const PageIndex page : range) {
    if (is(page, state)) wire::append_page(found, page);
  }
  return found;
}

void PageStates::seen(PageIndex page) {
  invariant(is(page, State::untouched) || is(page, State::discarded), "a page is new that was seen before");
  become(page, State::own, on_file(page));
}

void PageStates::offered(PageIndex page) {
  invariant(!stands_offered(page) && !is_shared(page), "a page is offered that has nothing new to share");
  become(page, State::offered, on_file(page));
}

void PageStates::withdrawn(PageIndex page) {
  invariant(stands_offered(page), "an offer is withdrawn that does not stand");
  become(page, State::own, on_file(page));
}

void PageStates::unaffordable(const PageRange& range) {
  for (const PageIndex page : range) {
    if (is(page, State::offered)) become(page, State::unaffordable, on_file(page));
  }
}

void PageStates::merged(const PageRange& range, FrameIn where) {
  const bool paged = where == FrameIn::paging_file;
  for (const PageIndex page : range) {
    invariant(!is(page, State::merged) || (paged && !is_paged(page)), "a page is merged twice");
    become(page, State::merged, true, paged);
  }
}

void PageStates::resident(PageIndex page, bool is) {
  invariant(is_paged(page), "a page that is not paged is paged in");
  const std::uint8_t other = load(page) & static_cast<std::uint8_t>(~resident_bit);
  byte_of(page).store(static_cast<std::uint8_t>(other | (is ? resident_bit : 0U)), std::memory_order_relaxed);
}

void PageStates::written(PageIndex page) {
  invariant(is_shared(page), "a page is broken that was not shared");
  become(page, State::own, on_file(page));
}

void PageStates::left_behind(PageIndex page) {
  invariant(is(page, State::merged), "a page leaves a store that it is not merged with");
  become(page, is_paged(page) ? State::backed : State::own, true);
}

void PageStates::unmerged(const PageRange& range) {
  for (const PageIndex page : range) become(page, State::own, false);
}

void PageStates::given_back(const PageRange& range) {
  for (const PageIndex page : range) {
    invariant(!is(page, State::merged), "a merged page is given back before it is seen written");
    become(page, State::zero, false);
  }
}

void PageStates::backed(const PageRange& range) {
  for (const PageIndex page : range) {
    invariant(!is(page, State::merged) && !is(page, State::zero) && !stands_offered(page),
              "a page gets a backing that is shared already, or stands offered");
    become(page, State::backed, true);
  }
}

void PageStates::put_back(const PageRange& range) {
  for (const PageIndex page : range) become(page, State::backed, true);
}

void PageStates::begun_anew(const PageRange& range) {
  for (const PageIndex page : range) become(page, State::untouched, false);
}

void PageStates::discarded(const PageRange& range) {
  for (const PageIndex page : range) {
    become(page, is(page, State::untouched) ? State::untouched : State::discarded, false);
  }
}

}  // namespace samepage::dedup
