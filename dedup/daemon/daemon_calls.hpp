// SPDX-License-Identifier: Apache-2.0
// The system calls that the daemon makes once it is set up, and what for: vmm/process/guest_calls.hpp is the
// guests' table. The daemon opens files itself: paging files that are added, its socket, lock and knobs. It
// starts no program, looks into no process and makes no memory executable.
#pragma once

#include <span>

#include "base/call_rules.hpp"

namespace samepage::dedup {

/// The main thread may make what any other may: its filter holds for all of them.
std::span<const CallRule> daemon_calls();

inline constexpr ThreadKinds daemon_threads =
    kinds({ThreadKind::merging, ThreadKind::writer, ThreadKind::metrics});

}  // namespace samepage::dedup
