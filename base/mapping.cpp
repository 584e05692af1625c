// SPDX-License-Identifier: Apache-2.0
#include "base/mapping.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include "base/check.hpp"
#include "base/units.hpp"

namespace samepage {
namespace {

std::byte* map(std::size_t bytes, int protection, int flags, int fd, std::uint64_t offset) {
  void* address = ::mmap(nullptr, bytes, protection, flags, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) throw_errno("mmap");
  return static_cast<std::byte*>(address);
}

}  // namespace

Mapping::~Mapping() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

Mapping Mapping::anonymous(std::size_t bytes) {
  return {map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), bytes};
}

Mapping Mapping::shared(int fd, std::size_t bytes, std::uint64_t offset) {
  return {map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset), bytes};
}

Mapping Mapping::read_only(int fd, std::size_t bytes, std::uint64_t offset) {
  return {map(bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, offset), bytes};
}

std::string why_not_mapped(std::uint64_t bytes, const std::system_error& error) {
  return fmt::format(
      "its {} can't be mapped: {}; {}", format_size(bytes), error.code().message(),
      error.code() == std::errc::not_enough_memory
          ? "cut it down to what this process's address space has room for, or raise the limit "
            "on that ('ulimit -v')"
          : "copy it to a file system that can do that");
}

}  // namespace samepage
