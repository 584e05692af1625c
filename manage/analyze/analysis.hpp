// SPDX-License-Identifier: Apache-2.0
// Takes the pages of files, one file after the other, and counts what could be shared. Pure but for the
// random secret of its hashes.
//
// Each page is hashed once and its bytes are not kept. What stays: of each distinct content its hash (16
// bytes), a slot of a table (5.4 to 10.7 bytes) and the set of files that have it (4 bytes); of each page
// that is not zero the number of its content (4 bytes), since only after the last page it is known which ones
// are shared. So a page costs at most 35 bytes, less than a hundredth of it, a page that was seen before 4,
// and neighbouring zero pages 4 together.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/growing_mapping.hpp"
#include "dedup/digest.hpp"
#include "manage/analyze/content_table.hpp"
#include "manage/analyze/figures.hpp"
#include "manage/analyze/file_sets.hpp"
#include "manage/analyze/page_log.hpp"
#include "manage/analyze/page_sink.hpp"

namespace samepage::analyze {

/// Bytes that an analysis takes, at most, for a page that is not zero.
inline constexpr std::uint64_t most_bytes_a_page = 35;

class Analysis final : public PageSink {
 public:
  /// add_pages() throws UserError before more than `memory_limit` bytes are needed.
  explicit Analysis(std::uint64_t memory_limit);

  /// What is added from now on is of the next file.
  void begin_file();
  void add_pages(std::span<const std::byte> pages) override;
  void add_hole(PageCount pages) override;
  void add_gap() override;

  [[nodiscard]] std::uint64_t memory_bytes() const;
  /// The counts. Nothing may be added any more. `pulse` is called again and again and may throw.
  Figures finish(const std::function<void()>& pulse);

 private:
  void add_batch(std::span<const std::byte> pages);
  void reserve(std::uint64_t pages);

  std::uint64_t memory_limit_;
  dedup::DigestSecret secret_;
  ContentTable contents_;
  GrowingArray<FileSets::Set> set_of_;  // of each content
  FileSets sets_;
  PageLog log_;
};

}  // namespace samepage::analyze
