// SPDX-License-Identifier: Apache-2.0
// `samepage top` in a terminal: keys, samples and what guests answer, in one loop that waits for none of them
// alone.
#pragma once

#include "manage/top/view.hpp"

namespace samepage::cli {

/// Shows guests until the person quits. Throws UserError where there is no terminal that will do, and
/// Interrupted.
void show_live(top::View view);

}  // namespace samepage::cli
