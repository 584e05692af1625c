// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/findings.hpp"

#include <algorithm>
#include <utility>

namespace samepage::dedup {

void Findings::written(PageIndex page) {
  if (states_.is(page, PageStates::State::merged)) wire::append_page(broken_, page);
  states_.written(page);
  ++breaks_;
  any_ = true;
}

void Findings::changed(PageIndex page) {
  ++volatile_pages_;
  any_ = true;
  if (!states_.stands_offered(page)) return;
  states_.withdrawn(page);
  wire::append_page(withdrawn_, page);
}

void Findings::quiet_zero(PageIndex page) {
  wire::append_page(zero_, page);
  any_ = true;
}

void Findings::quiet_as_before(const BackedRun& run) {
  any_ = true;
  if (!as_before_.empty() && continues(as_before_.back(), run)) {
    ++as_before_.back().pages.count;
  } else {
    as_before_.push_back(run);
  }
}

void Findings::quiet(PageIndex page, Digest digest) {
  if (states_.stands_offered(page)) return;
  states_.offered(page);
  offers_.push_back({digest.value, page, 0});
  any_ = true;
}

std::vector<wire::Offer> Findings::take_offers() {
  std::sort(offers_.begin(), offers_.end(), wire::by_page);
  return std::exchange(offers_, {});
}

}  // namespace samepage::dedup
