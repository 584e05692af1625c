// SPDX-License-Identifier: Apache-2.0
// A write barrier for memory that nobody but the test writes.
#pragma once

#include "dedup/agent/write_barrier.hpp"

namespace samepage::dedup {

class NothingRuns final : public WriteBarrier {
 public:
  void hold() override {}
  void release() override {}
};

}  // namespace samepage::dedup
