// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/pmem_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "vmm/devices/virtio/file_as_it_was.hpp"
#include "vmm/devices/virtio/file_lock.hpp"

namespace samepage::vmm {
namespace {

UserError cannot_use(const std::string& path, const std::string& why) {
  return UserError(fmt::format("cannot use persistent memory {}: {}", path, why));
}

void lock(int file, const PmemConfig& config) {
  switch (config.access) {
    case PmemAccess::read_only:
      if (lock_file(file, FileUse::watching)) return;
      throw cannot_use(config.path,
                       "another guest writes it as a disk (',rw'); stop that one, or copy the file");
    case PmemAccess::copied:
      if (lock_file(file, FileUse::unchanging)) return;
      throw cannot_use(
          config.path,
          "another guest writes it (',shared', or as a disk with ',rw'), which would change this "
          "one's copy too; stop that one, or copy the file");
    case PmemAccess::shared:
      if (lock_file(file, FileUse::together)) return;
      throw cannot_use(config.path,
                       "another guest has it as a disk, or as ',private' memory, and must not see it change; "
                       "stop that one, or copy the file");
  }
}

void map_over(std::byte* address, std::size_t bytes, int file, PmemAccess access, std::uint64_t offset = 0) {
  const int rights = access == PmemAccess::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  const int kind = access == PmemAccess::copied ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
  // SAFETY: MAP_FIXED over a reservation of ours that nobody has seen yet.
  if (::mmap(address, bytes, rights, kind | MAP_FIXED, file, static_cast<off_t>(offset)) == MAP_FAILED)
    throw_errno("mmap");
}

}  // namespace

PmemFile::PmemFile(const PmemConfig& config)
    : access_(config.access),
      // O_NONBLOCK: opening a FIFO must fail below, not wait for a writer.
      file_(::open(config.path.c_str(),
                   (config.access == PmemAccess::shared ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)) {
  if (!file_) {
    const int error = errno;
    throw cannot_use(config.path, error == EACCES && access_ == PmemAccess::shared
                                      ? "you may not write it; use ',private' or ',ro'"
                                      : std::strerror(error) + way_out(config.expected));
  }
  struct stat info {};
  check(::fstat(file_.get(), &info), "fstat " + config.path);
  if (!S_ISREG(info.st_mode)) throw cannot_use(config.path, "it is no regular file");
  if (info.st_size == 0) throw cannot_use(config.path, "it is empty");
  lock(file_.get(), config);
  if (const auto why = why_not_as_it_was(config.expected, as_it_is())) throw cannot_use(config.path, *why);
  const std::uint64_t file_bytes = pages_for(static_cast<std::uint64_t>(info.st_size)).bytes();
  try {
    mapping_ = Mapping::anonymous((file_bytes + pmem_alignment - 1) / pmem_alignment * pmem_alignment);
    map_over(mapping_.data(), file_bytes, file_.get(), access_);
  } catch (const std::system_error& error) {
    throw cannot_use(config.path, why_not_mapped(file_bytes, error));
  }
  check(::madvise(mapping_.data(), mapping_.size(), MADV_DONTFORK), "madvise(MADV_DONTFORK)");
}

void PmemFile::begin_from(const WrittenContent& content) {
  for (const WrittenRun& run : content.runs) {
    map_over(mapping_.data() + run.first, run.count, content.files[run.file]->get(), access_, run.at);
  }
  check(::madvise(mapping_.data(), mapping_.size(), MADV_DONTFORK), "madvise(MADV_DONTFORK)");
  begun_from_ = content.runs;
}

FileAsItWas PmemFile::as_it_is() const {
  return file_as_it_is(file_.get(), std::nullopt);
}

bool PmemFile::flush() const {
  return access_ != PmemAccess::shared || ::fdatasync(file_.get()) == 0;
}

}  // namespace samepage::vmm
