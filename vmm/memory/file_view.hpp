// SPDX-License-Identifier: Apache-2.0
// A regular file mapped to read, for images and ROMs: nothing of it is copied to the heap. Somebody may cut
// the file short meanwhile, and reading on would end the process (SIGBUS). While there is a FileView, what
// has gone reads as zeros instead, and whoever has made something of the content asks require_whole() before
// it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

/// A range where the handler of SIGBUS puts zeros for what the file does not have any more.
struct LossWatch;
struct EndLossWatch {
  void operator()(LossWatch* watch) const;
};

struct FileView {
  Mapping mapping;          // whole pages; none for an empty file
  std::uint64_t bytes = 0;  // the file's length
  std::string failure;      // "cannot `purpose` `path`"
  UniqueFd file;
  std::unique_ptr<LossWatch, EndLossWatch> watch;

  [[nodiscard]] std::span<const std::byte> content() const { return mapping.bytes().first(bytes); }
  /// Throws UserError when bytes that somebody read were not there, or the file is shorter than it was.
  void require_whole() const;
};

/// Throws UserError "cannot `purpose` `path`: ..." when it is no regular file or can't be read.
FileView view_file(const std::string& path, std::string_view purpose);

}  // namespace samepage::vmm
