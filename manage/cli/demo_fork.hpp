// SPDX-License-Identifier: Apache-2.0
// `samepage demo --fork`: a guest that takes a while to warm up, and clones that do not.
#pragma once

#include <cstdint>

#include "manage/cli/common_options.hpp"

namespace samepage::cli {

struct ForkDemoOptions {
  unsigned clones = 8;
  std::uint64_t memory_bytes = 0;  // of each guest
  Format format = Format::text;
};

int demo_fork(const ForkDemoOptions& options);

}  // namespace samepage::cli
