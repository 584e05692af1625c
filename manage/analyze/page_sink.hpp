// SPDX-License-Identifier: Apache-2.0
// What a file's memory is handed to, page after page.
#pragma once

#include <cstddef>
#include <span>

#include "base/types.hpp"

namespace samepage::analyze {

class PageSink {
 public:
  PageSink() = default;
  virtual ~PageSink() = default;
  PageSink(const PageSink&) = delete;
  PageSink& operator=(const PageSink&) = delete;

  /// Whole pages, in a row.
  virtual void add_pages(std::span<const std::byte> pages) = 0;
  /// Pages that are holes in the file.
  virtual void add_hole(PageCount pages) = 0;
  /// What follows is not a neighbour in the guest of what came before.
  virtual void add_gap() = 0;
};

}  // namespace samepage::analyze
