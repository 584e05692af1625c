// SPDX-License-Identifier: Apache-2.0
// A guest writes a large file for a command: its memory, itself.
#pragma once

#include <string_view>

#include "manage/cli/guest_client.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Asks `guest` to do `verb` with the descriptor `file` and waits for the answer, as long as the file
/// changes: a large guest and a slow disk take their time. Throws UserError when the guest refuses or hangs,
/// Interrupted when one of `signals` comes.
vmm::ControlAnswer let_guest_write(const GuestConnection& guest, std::string_view verb, int file,
                                   const vmm::StopSignals& signals);

}  // namespace samepage::cli
