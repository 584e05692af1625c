// SPDX-License-Identifier: Apache-2.0
#include "base/file_bytes.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/check.hpp"
#include "base/lost_memory.hpp"

namespace samepage {

ssize_t read_fully(int fd, std::uint64_t offset, std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = ::pread(fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

bool write_fully(int fd, std::uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t put = ::pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put == 0) errno = EIO;  // no file does that
    if (put <= 0) return false;
    from = from.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return true;
}

void write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset, const char* what) {
  if (write_fully(fd, offset, bytes)) return;
  if (errno != EFAULT) throw_errno(what);
  // The bytes are a guest's, and could not be read.
  const std::string call = fmt::format("{} ({})", what, cause_of_lost_memory());
  errno = EFAULT;
  throw_errno(call);
}

}  // namespace samepage
