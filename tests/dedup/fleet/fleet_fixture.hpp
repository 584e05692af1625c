// SPDX-License-Identifier: Apache-2.0
// Agents and daemon together, with each way to find written pages.
#pragma once

#include <gtest/gtest.h>

#include "tests/dedup/fleet/fleet.hpp"

namespace samepage::dedup {

class FleetTest : public testing::TestWithParam<GuestOptions> {
 protected:
  FleetGuest& add(std::size_t pages) { return fleet_.add(pages, GetParam()); }
  Fleet fleet_;
};

inline auto all_trackers() {
  return testing::Values(write_protection, rehash, old_kernel);
}

}  // namespace samepage::dedup
