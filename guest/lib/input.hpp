// SPDX-License-Identifier: Apache-2.0
// What is typed at the guest's first serial port.
#pragma once

namespace samepage::guest {

/// Waits until there is one.
[[nodiscard]] char next_byte();

}  // namespace samepage::guest
