// SPDX-License-Identifier: Apache-2.0
// What programs fill pages with: a pure function of a seed, the page's index and the word's. Guests that use
// the same seed have equal pages; two indexes never give equal ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest/lib/memory.hpp"
#include "guest/lib/random.hpp"

namespace samepage::guest {

class Content {
 public:
  Content(std::uint64_t seed, std::size_t page) : key_(mix(mix(seed + golden_ratio) + page)) {}

  [[nodiscard]] std::uint64_t word(std::size_t index) const { return mix(key_ + index * golden_ratio); }

  void write_to(Page& page) const {
    for (std::size_t i = 0; i < page.size(); ++i) page[i] = word(i);
  }

 private:
  std::uint64_t key_;
};

}  // namespace samepage::guest
