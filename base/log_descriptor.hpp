// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace samepage {

/// For a process that was forked and closes what it has open: the log's next line opens its file anew.
void forget_log_descriptor() noexcept;

}  // namespace samepage
