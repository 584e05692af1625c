// SPDX-License-Identifier: Apache-2.0
// Users of the daemon who do their worst, each with another kind of message.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace samepage::bench {

// Ends itself with its process only: what it says until then is over when `end` is.
struct Neighbour {
  const char* name;
  std::function<void(const std::string& path, std::uint32_t pages, std::chrono::steady_clock::time_point end)>
      act;
};

std::vector<Neighbour> neighbours();

}  // namespace samepage::bench
