// SPDX-License-Identifier: Apache-2.0
// The cases: what is measured, one function each, in a file of its name.
#pragma once

#include <span>
#include <vector>

#include "bench/bench.hpp"

namespace samepage::bench {

std::span<const Case> all_cases();
/// What options need to know of them.
std::vector<CaseName> case_names();

void measure_merge(Bench& bench);
void measure_idle(Bench& bench);
void measure_converge(Bench& bench);
void measure_break(Bench& bench);
void measure_hold(Bench& bench);
void measure_slowdown(Bench& bench);
void measure_scale(Bench& bench);
void measure_latency(Bench& bench);
void measure_many(Bench& bench);
void measure_fork(Bench& bench);
void measure_restore(Bench& bench);
void measure_rollback(Bench& bench);
void measure_touch(Bench& bench);
void measure_suspend(Bench& bench);
void measure_beside(Bench& bench);
void measure_ledger(Bench& bench);
void measure_crowd(Bench& bench);

}  // namespace samepage::bench
