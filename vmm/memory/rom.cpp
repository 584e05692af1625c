// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/rom.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "vmm/memory/file_view.hpp"

namespace samepage::vmm {

Rom::Rom(const std::string& path, Gpa address) {
  FileView file = view_file(path, "use ROM");
  if (file.bytes == 0) throw UserError(fmt::format("cannot use ROM {}: the file is empty", path));
  mapping_ = std::move(file.mapping);
  range_ = {gfn_of(address), pages_in(mapping_.size())};
}

}  // namespace samepage::vmm
