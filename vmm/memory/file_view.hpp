// SPDX-License-Identifier: Apache-2.0
// A regular file mapped to read, for images and ROMs: nothing of it is copied to the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/mapping.hpp"

namespace samepage::vmm {

struct FileView {
  Mapping mapping;          // whole pages; none for an empty file
  std::uint64_t bytes = 0;  // the file's length

  [[nodiscard]] std::span<const std::byte> content() const { return mapping.bytes().first(bytes); }
};

/// Throws UserError "cannot `purpose` `path`: ..." when it is no regular file or can't be read.
FileView view_file(const std::string& path, std::string_view purpose);

}  // namespace samepage::vmm
