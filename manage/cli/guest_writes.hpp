// SPDX-License-Identifier: Apache-2.0
// A guest writes a large file for a command: its memory, itself.
#pragma once

#include <span>

#include "base/json.hpp"
#include "manage/cli/guest_client.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Sends `request` to `guest` with `files`, of which it writes the first, and waits for the answer, as long
/// as that file changes: a large guest and a slow disk take their time. Throws UserError when the guest
/// refuses or hangs, Interrupted when one of `signals` comes.
vmm::ControlAnswer let_guest_write(const GuestConnection& guest, const nlohmann::json& request,
                                   std::span<const int> files, const vmm::StopSignals& signals);

}  // namespace samepage::cli
