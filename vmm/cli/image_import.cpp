// SPDX-License-Identifier: Apache-2.0
// `samepage image import`: unpacks the kernel of a bzImage once, so that guests need not do it at each start.
// What is written is the kernel's own ELF file, whose segments Linux lays out in whole pages.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "base/units.hpp"
#include "vmm/boot/kernel_file.hpp"
#include "vmm/cli/commands.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {
namespace {

namespace fs = std::filesystem;

// vmlinuz-6.1 becomes vmlinux-6.1, anything else gets an ending; in the current folder.
std::string default_output(const std::string& kernel) {
  constexpr std::string_view packed = "vmlinuz";
  const std::string name = fs::path(kernel).filename().string();
  if (name.starts_with(packed)) return "vmlinux" + name.substr(packed.size());
  return name + ".vmlinux";
}

/// A file that gets its name when it is complete, and is gone when it never is.
class PendingFile {
 public:
  explicit PendingFile(std::string path)
      : path_(std::move(path)), pending_(path_ + ".XXXXXX"), fd_(::mkostemp(pending_.data(), O_CLOEXEC)) {
    if (!fd_) throw UserError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
  }
  ~PendingFile() {
    if (!pending_.empty()) ::unlink(pending_.c_str());
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  /// Pages of zeros become holes.
  void write(std::span<const std::byte> content) {
    require(::ftruncate(fd_.get(), static_cast<off_t>(content.size())));
    for (std::size_t at = 0; at < content.size(); at += page_size) {
      const auto page = content.subspan(at, std::min(page_size, content.size() - at));
      const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
      if (std::all_of(page.begin(), page.end(), is_zero)) continue;
      const ssize_t written = ::pwrite(fd_.get(), page.data(), page.size(), static_cast<off_t>(at));
      if (written >= 0 && static_cast<std::size_t>(written) < page.size()) errno = ENOSPC;
      require(static_cast<std::size_t>(written) == page.size() ? 0 : -1);
    }
  }
  void commit() {
    constexpr mode_t for_all_to_read = 0644;
    require(::fchmod(fd_.get(), for_all_to_read));
    require(::rename(pending_.c_str(), path_.c_str()));
    pending_.clear();
  }

 private:
  void require(ssize_t result) const {
    if (result < 0) throw UserError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
  }

  std::string path_;
  std::string pending_;
  UniqueFd fd_;
};

bool in_whole_pages(const vmm::Image& image) {
  return std::all_of(image.segments.begin(), image.segments.end(), [](const vmm::Segment& segment) {
    return is_page_aligned(segment.address.value) && is_page_aligned(segment.file_offset);
  });
}

}  // namespace

int import_image(const std::string& kernel, const std::string& output) {
  const vmm::KernelFile opened = vmm::open_kernel(kernel, vmm::EntryChoice::automatic);
  if (opened.unpacked.bytes == 0) {
    throw UserError(
        fmt::format("cannot import {}: {}", kernel,
                    opened.setup_header.empty()
                        ? "nothing in it is packed; run it as it is"
                        : "its kernel is not packed with gzip, xz, LZ4 or zstd; run it as it is"));
  }
  const std::string path = output.empty() ? default_output(kernel) : output;
  PendingFile file(path);
  file.write(opened.content());
  file.commit();
  fmt::print("{}\n", path);
  fmt::print(
      stderr, "unpacked {} to {}, entered by {}{}\n", kernel, format_size(opened.unpacked.bytes),
      opened.image.protocol == vmm::BootProtocol::pvh ? "PVH" : "its 64-bit entry",
      in_whole_pages(opened.image) ? "" : "; its segments are not in whole pages, so guests copy them");
  return exit_ok;
}

}  // namespace samepage::cli
