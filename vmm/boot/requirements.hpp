// SPDX-License-Identifier: Apache-2.0
// Whether a machine can be built as configured: sizes, counts and places against what image and host have.
// Pure. Each throws UserError with the figures and the way out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/types.hpp"
#include "vmm/boot/image.hpp"

namespace samepage::vmm {

/// `host_bytes` is the host's MemTotal.
void require_memory_size(std::uint64_t memory_bytes, std::uint64_t host_bytes);
/// The image, and what any guest needs beside it, must fit into the memory.
void require_room(const std::string& image_path, const Image& image, std::uint64_t memory_bytes);
void require_cpus(unsigned cpus, unsigned kvm_limit);
void require_command_line(const std::string& command_line, ImageKind kind, const std::string& image_name);
/// `host_flags`: the CPU's, as /proc/cpuinfo lists them. A stock kernel needs VT-x or AMD-V.
void require_hardware_virtualization(const std::string& image_path, ImageKind kind,
                                     std::string_view host_flags);
/// Where an initrd of `bytes` goes: as high as an image that ends at `image_end` leaves room for and as every
/// kernel can reach, on a page's boundary.
Gpa initrd_address(const std::string& path, std::uint64_t bytes, Gpa image_end, std::uint64_t memory_bytes);

struct RomPlace {
  std::string path;
  Gpa address;
  std::uint64_t bytes = 0;
};
/// Page-aligned, outside RAM, the devices' addresses and each other.
void require_rom_places(std::span<const RomPlace> roms, std::uint64_t memory_bytes);

}  // namespace samepage::vmm
