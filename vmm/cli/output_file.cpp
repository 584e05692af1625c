// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/pending_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.hpp"
#include "base/types.hpp"
#include "vmm/cli/interrupted.hpp"

namespace samepage::cli {

PendingFile::PendingFile(std::string path)
    : path_(std::move(path)), pending_(path_ + ".XXXXXX"), fd_(::mkostemp(pending_.data(), O_CLOEXEC)) {
  if (!fd_) throw UserError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

PendingFile::~PendingFile() {
  if (!pending_.empty()) ::unlink(pending_.c_str());
}

void PendingFile::write(std::span<const std::byte> content) {
  require(::ftruncate(fd_.get(), static_cast<off_t>(content.size())));
  for (std::size_t at = 0; at < content.size(); at += page_size) {
    if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
    const auto page = content.subspan(at, std::min(page_size, content.size() - at));
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    if (std::all_of(page.begin(), page.end(), is_zero)) continue;
    const ssize_t written = ::pwrite(fd_.get(), page.data(), page.size(), static_cast<off_t>(at));
    if (written >= 0 && static_cast<std::size_t>(written) < page.size()) errno = ENOSPC;
    require(static_cast<std::size_t>(written) == page.size() ? 0 : -1);
  }
}

void PendingFile::commit() {
  constexpr mode_t for_all_to_read = 0644;
  require(::fchmod(fd_.get(), for_all_to_read));
  require(::rename(pending_.c_str(), path_.c_str()));
  pending_.clear();
}

void PendingFile::require(ssize_t result) const {
  if (result < 0) throw UserError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

}  // namespace samepage::cli
