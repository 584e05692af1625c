// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/file_as_it_was.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/check.hpp"

namespace samepage::vmm {

FileAsItWas file_as_it_is(int fd, std::optional<std::uint64_t> bytes) {
  struct stat info {};
  check(::fstat(fd, &info), "fstat of a device's file");
  FileAsItWas is;
  is.bytes = bytes.value_or(static_cast<std::uint64_t>(info.st_size));
  if (S_ISREG(info.st_mode)) {
    is.modified_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  }
  return is;
}

std::optional<std::string> why_not_as_it_was(const std::optional<FileAsItWas>& was, const FileAsItWas& is) {
  if (!was) return std::nullopt;
  if (was->bytes != is.bytes) {
    return fmt::format("the guest was saved with a file of {} bytes, and this one has {}{}", was->bytes,
                       is.bytes, way_out(was));
  }
  if (was->modified_ns != 0 && is.modified_ns != 0 && was->modified_ns != is.modified_ns) {
    return "it was changed since the guest was saved" + way_out(was);
  }
  return std::nullopt;
}

std::string way_out(const std::optional<FileAsItWas>& was) {
  return was ? "; name the file to use, with the content that it had then, with '--disk' or '--pmem'" : "";
}

}  // namespace samepage::vmm
