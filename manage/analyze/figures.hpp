// SPDX-License-Identifier: Apache-2.0
// What an analysis finds: values.
#pragma once

#include <cstdint>
#include <vector>

#include "manage/analyze/run_lengths.hpp"

namespace samepage::analyze {

/// Pages are zero, shared (not zero, and their content occurs more than once in all files) or unique.
struct PageFigures {
  std::uint64_t pages = 0;
  std::uint64_t zero_pages = 0;
  std::uint64_t hole_pages = 0;  // of the zero pages, those that are holes in the file
  std::uint64_t shared_pages = 0;
  std::uint64_t unique_pages = 0;
  std::uint64_t frames = 0;  // distinct contents among the shared pages

  /// Pages that need no memory of their own.
  [[nodiscard]] std::uint64_t saved_pages() const { return zero_pages + shared_pages - frames; }
};

struct FileFigures {
  PageFigures pages;  // `frames`: those that this file has
  RunLengths runs;
  RunLengths mapped_runs;      // as Samepage maps them: dups among them
  std::uint64_t mappings = 0;  // of the guest's memory, when all of them are mapped
};

/// Two files that have contents in common; `a` is the one that was given first.
struct PairFigures {
  std::uint32_t a = 0, b = 0;
  std::uint64_t frames = 0;   // contents that both have
  std::uint64_t pages_a = 0;  // pages of `a` that have them
  std::uint64_t pages_b = 0;
};

struct Figures {
  PageFigures pages;
  RunLengths runs;
  std::vector<FileFigures> files;
  std::vector<PairFigures> pairs;  // most frames first
  std::uint64_t ksm_frames = 0;    // copies that KSM keeps of the shared contents
  std::uint64_t ksm_chains = 0;    // contents with several of these
  std::uint64_t dup_frames = 0;    // Samepage's further frames for contents that pages in a row have
};

}  // namespace samepage::analyze
