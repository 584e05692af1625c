// SPDX-License-Identifier: Apache-2.0
// An image file that is open and understood: an ELF as it is, or a bzImage with the kernel in it unpacked. It
// holds the bytes that the image's segments are taken from; it is needed no longer once they are in guest
// memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "vmm/boot/image.hpp"
#include "vmm/boot/unpack.hpp"
#include "vmm/memory/file_view.hpp"

namespace samepage::vmm {

struct KernelFile {
  FileView file;
  Unpacked unpacked;  // empty when nothing had to be
  Image image;
  std::vector<std::byte> setup_header;  // a bzImage's

  /// What the segments' offsets count in.
  [[nodiscard]] std::span<const std::byte> content() const {
    return unpacked.bytes != 0 ? unpacked.content() : file.content();
  }
};

/// Throws UserError "cannot boot `path`: ..." for what can't be.
KernelFile open_kernel(const std::string& path, EntryChoice choice);

}  // namespace samepage::vmm
