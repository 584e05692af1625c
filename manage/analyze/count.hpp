// SPDX-License-Identifier: Apache-2.0
// The last step of an analysis: what all pages have been seen for. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "manage/analyze/figures.hpp"
#include "manage/analyze/file_sets.hpp"
#include "manage/analyze/page_log.hpp"

namespace samepage::analyze {

/// From when on Samepage gives a content frames in a row, and how many: as dedup/daemon/dups.hpp.
inline constexpr std::uint32_t dup_references = 512, dup_run = 32;
/// Pages that share one copy of KSM's: max_page_sharing.
inline constexpr std::uint32_t ksm_sharing = 256;

/// `set_of` has the set of files of each content. Frames are numbered in the order in which shared contents
/// were first seen. A run is as long as its pages are neighbours, all shared, and their frames neighbours
/// too. Takes 16 bytes a content. `pulse` is called again and again and may throw.
Figures count_figures(const PageLog& log, const FileSets& sets, std::span<const FileSets::Set> set_of,
                      const std::function<void()>& pulse);

}  // namespace samepage::analyze
