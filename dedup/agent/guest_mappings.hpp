// SPDX-License-Identifier: Apache-2.0
// The kernel's list of the mappings that a guest's RAM is made of, in terms of its pages. Reading the list
// costs as much as making some mappings. The agent's thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/pagemap.hpp"
#include "base/types.hpp"
#include "dedup/agent/backing.hpp"
#include "dedup/agent/guest_pages.hpp"

namespace samepage::dedup {

/// A mapping of a file, by its inode and device.
struct FileMapping {
  PageRange pages;  // in one region
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::uint64_t offset = 0;  // of the first page, in the file
};
using StoreMapping = FileMapping;

struct GuestMappings {
  std::uint64_t added = 0;  // by merging and backing: more than one for each region
  std::vector<FileMapping> of_files;
};

/// Throws std::system_error.
[[nodiscard]] GuestMappings mappings_of(const GuestPages& pages);

/// What of `runs` lies in a mapping of just these pages of its file, in ascending order; both are that.
/// Throws std::system_error.
[[nodiscard]] std::vector<PageRange> still_mapped(std::span<const BackedRun> runs,
                                                  std::span<const FileMapping> mappings);

/// The bytes of a mapping of a store that the guest has not written.
[[nodiscard]] std::uint64_t shared_bytes(const GuestPages& pages, const Pagemap& pagemap,
                                         const StoreMapping& mapping);

}  // namespace samepage::dedup
