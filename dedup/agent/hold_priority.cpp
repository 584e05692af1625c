// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/hold_priority.hpp"

#include <sched.h>

#include <atomic>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

std::atomic<bool> refused = false;

// Of the calling thread. Its nice value stays.
bool set_policy(int policy, int priority) {
  sched_param parameters{};
  parameters.sched_priority = priority;
  return ::sched_setscheduler(0, policy, &parameters) == 0;
}

}  // namespace

HoldPriority::HoldPriority() {
  if (refused) return;
  const int policy = ::sched_getscheduler(0);
  if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE) return;
  if (set_policy(SCHED_FIFO, ::sched_get_priority_min(SCHED_FIFO))) {
    former_policy_ = policy;
  } else {
    refused = true;
  }
}

bool HoldPriority::is_refused() {
  return refused;
}

HoldPriority::~HoldPriority() {
  // Giving a priority up needs no rights.
  if (former_policy_ >= 0) invariant(set_policy(former_policy_, 0), "sched_setscheduler");
}

}  // namespace samepage::dedup
