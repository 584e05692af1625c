// SPDX-License-Identifier: Apache-2.0
// A host file as read-only guest memory: the page cache of the host is the guest's memory, so all guests
// with the file have one copy of it.
#pragma once

#include <string>

#include "base/mapping.hpp"
#include "base/types.hpp"

namespace samepage::vmm {

/// A file mapped to read; its last page is filled up with zeros.
class Rom {
 public:
  /// Throws UserError when the file can't be read or is empty.
  Rom(const std::string& path, Gpa address);

  [[nodiscard]] Gpa address() const { return range_.first.gpa(); }
  [[nodiscard]] const GfnRange& range() const { return range_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return mapping_.bytes(); }

 private:
  Mapping mapping_;
  GfnRange range_;
};

}  // namespace samepage::vmm
