// SPDX-License-Identifier: Apache-2.0
#include "base/write_at.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/check.hpp"

namespace samepage {

void write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset, const char* what) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    const auto done = static_cast<std::size_t>(check(written, what));
    bytes = bytes.subspan(done);
    offset += done;
  }
}

}  // namespace samepage
