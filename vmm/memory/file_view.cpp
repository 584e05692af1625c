// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/file_view.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

FileView view_file(const std::string& path, std::string_view purpose) {
  // O_NONBLOCK: opening a FIFO must fail below, not wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    throw UserError(fmt::format("cannot {} {}: {}", purpose, path, std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    throw UserError(fmt::format("cannot {} {}: it is no regular file", purpose, path));
  }
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  if (bytes == 0) return {};
  return {Mapping::read_only(fd.get(), pages_for(bytes).bytes()), bytes};
}

}  // namespace samepage::vmm
