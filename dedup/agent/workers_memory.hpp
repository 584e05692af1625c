// SPDX-License-Identifier: Apache-2.0
// The memory of a guest that stands still, as the agent's Worker has it. The agent's thread.
#pragma once

#include <cstdint>
#include <functional>

#include "dedup/agent/still_memory.hpp"
#include "dedup/agent/worker.hpp"

namespace samepage::dedup {

class WorkersMemory final : public StillMemory {
 public:
  explicit WorkersMemory(Worker& worker) : worker_(worker) {}
  bool watch() override { return worker_.begin_watch(); }
  std::uint64_t put_back(const Backing& backing) override { return worker_.put_back(backing); }
  bool written(const std::function<void(const GfnRange&)>& visit) override {
    return worker_.written_since_watch(visit);
  }

 private:
  Worker& worker_;
};

}  // namespace samepage::dedup
