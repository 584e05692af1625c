// SPDX-License-Identifier: Apache-2.0
#include "base/memory_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.hpp"

namespace samepage {

UniqueFd memory_file_with(const char* name, std::string_view bytes) {
  UniqueFd file = checked_fd(::memfd_create(name, MFD_CLOEXEC), "memfd_create");
  while (!bytes.empty()) {
    const auto written = check(::write(file.get(), bytes.data(), bytes.size()), "write to a memfd");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

}  // namespace samepage
