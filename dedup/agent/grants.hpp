// SPDX-License-Identifier: Apache-2.0
// What the daemon grants, made ready for mapping. The daemon has grants in the order of its own events; each
// mapping that is not made saves a call and a mapping. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// Whether a guest of `pages` pages has all pages of a grant, and its frames can be; those of the store are
/// numbered below `max_frames`.
[[nodiscard]] bool is_within(const wire::Grant& grant, std::uint32_t pages, std::uint32_t max_frames);

/// Takes the first `most` pages and frames off the grant, or all that there are.
wire::Grant take_front(wire::Grant& grant, std::uint32_t most);

/// The grants in the order of their pages: neighbours joined, then cut into pieces of at most `most` pages
/// that do not cross `end_of(page)`, the end of what a mapping at that page must not leave.
[[nodiscard]] std::vector<wire::Grant> arranged(std::vector<wire::Grant> grants, std::uint32_t most,
                                                const std::function<PageIndex(PageIndex)>& end_of);

}  // namespace samepage::dedup
