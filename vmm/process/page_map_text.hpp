// SPDX-License-Identifier: Apache-2.0
// A page map as the JSON text that `samepage map` gets: an array of
// {"gfn", "pages", "state": "own" | "frame" | "zero" | "untouched" | "rom", "frame" (of state frame),
// "rights"} in order of gfn. Rights are those of the guest's next access: "r-" means that a write is caught
// (a frame is copied then, a ROM refuses).
#pragma once

#include <span>
#include <string>

#include "base/types.hpp"
#include "dedup/agent/page_map.hpp"

namespace samepage::vmm {

/// Written as text at once: a guest's map can have ten thousand runs, and its process is to stay small.
std::string page_map_text(std::span<const dedup::PageMapRun> map, std::span<const GfnRange> roms);

}  // namespace samepage::vmm
