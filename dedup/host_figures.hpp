// SPDX-License-Identifier: Apache-2.0
// The figures of the host that are published, in the order in which they are shown. The daemon knows most of
// them; net_saved_bytes and kernel_bytes need the guests' too, and whoever asks both adds them.
#pragma once

#include <span>

#include "base/figure.hpp"

namespace samepage::dedup {

/// Lives for ever.
[[nodiscard]] std::span<const Figure> host_figures();

}  // namespace samepage::dedup
