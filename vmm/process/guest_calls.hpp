// SPDX-License-Identifier: Apache-2.0
// The system calls that a guest's process makes once its guest runs, and what for: a row for each call, and
// for each kind of thread whether it may make it. Whoever adds a call to code that runs then adds a row here
// and in docs/security.md.
#pragma once

#include <span>

#include "base/call_rules.hpp"

namespace samepage::vmm {

/// The main thread may make what any other may: its filter holds for all of them.
std::span<const CallRule> guest_calls();

inline constexpr ThreadKinds guest_threads =
    kinds({ThreadKind::control, ThreadKind::agent, ThreadKind::vcpu, ThreadKind::devices});

}  // namespace samepage::vmm
