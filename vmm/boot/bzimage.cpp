// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/bzimage.hpp"

#include <algorithm>
#include <cstring>

#include "base/byte_reader.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

// Offsets in the file, which are those in the boot parameters too.
enum Offset : std::size_t {
  header_start = 0x1f1,
  setup_sectors = 0x1f1,
  header_size = 0x201,  // bytes behind 0x202
  magic = 0x202,
  version = 0x206,
  extended_load_flags = 0x236,
  payload_offset = 0x248,
  payload_length = 0x24c,
  preferred_address = 0x258,
  init_size = 0x260,
  fields_end = 0x264,
};

constexpr std::uint16_t first_version_with_64_bit_entry = 0x20c;  // Linux 3.8
constexpr std::uint16_t has_64_bit_entry = 1;
constexpr std::size_t sector = 512;

}  // namespace

std::string_view describe(BzImageFault fault) {
  switch (fault) {
    case BzImageFault::not_bzimage:
      return "it is no bzImage; give a vmlinuz or a vmlinux for x86-64";
    case BzImageFault::truncated:
      return "the file ends inside the kernel's setup code; copy it again";
    case BzImageFault::too_old:
      return "its boot protocol is older than 2.12; use Linux 3.8 or newer";
    case BzImageFault::not_64_bit:
      return "it has no 64-bit entry; use a kernel for x86-64";
    case BzImageFault::payload_outside:
      return "its compressed kernel reaches past the end of the file; copy it again";
  }
  return "it is malformed";
}

bool is_bzimage(std::span<const std::byte> file) {
  return file.size() >= magic + 4 && std::memcmp(file.data() + magic, "HdrS", 4) == 0;
}

std::variant<BzImage, BzImageFault> parse_bzimage(std::span<const std::byte> file) {
  if (!is_bzimage(file)) return BzImageFault::not_bzimage;
  if (file.size() < fields_end) return BzImageFault::truncated;
  if (read_value<std::uint16_t>(file, version) < first_version_with_64_bit_entry)
    return BzImageFault::too_old;
  if ((read_value<std::uint16_t>(file, extended_load_flags) & has_64_bit_entry) == 0) {
    return BzImageFault::not_64_bit;
  }
  const auto sectors = read_value<std::uint8_t>(file, setup_sectors);
  const std::uint64_t setup_bytes = (std::uint64_t{sectors == 0 ? std::uint8_t{4} : sectors} + 1) * sector;
  const std::uint64_t header_bytes = magic + read_value<std::uint8_t>(file, header_size) - header_start;
  if (file.size() <= setup_bytes || header_start + header_bytes > setup_bytes) return BzImageFault::truncated;

  BzImage image;
  image.setup_header = {header_start, header_bytes};
  image.protected_mode = {setup_bytes, file.size() - setup_bytes};
  image.preferred = Gpa{read_value<std::uint64_t>(file, preferred_address)};
  image.init_bytes = read_value<std::uint32_t>(file, init_size);
  const std::uint64_t offset = setup_bytes + read_value<std::uint32_t>(file, payload_offset);
  const std::uint64_t length = read_value<std::uint32_t>(file, payload_length);
  if (length == 0) return image;
  if (offset > file.size() || length > file.size() - offset) return BzImageFault::payload_outside;
  image.payload = {offset, length};
  return image;
}

std::variant<Image, ImageFault> self_unpacking_image(const BzImage& header) {
  constexpr std::uint64_t entry_offset = 0x200;
  const ReservedRange reserved = reserved_range(ImageKind::linux_kernel);
  const std::uint64_t bytes = std::max(header.init_bytes, header.protected_mode.bytes);
  if (header.preferred < reserved.end) return reserved.fault;
  if (header.preferred >= layout::hole || bytes > layout::hole - header.preferred) {
    return ImageFault::segment_above_hole;
  }
  if (header.protected_mode.bytes <= entry_offset) return ImageFault::entry_outside_segments;
  const Segment all{header.protected_mode.offset, header.protected_mode.bytes, header.preferred, bytes};
  return Image{header.preferred + entry_offset, {all}, BootProtocol::linux64, ImageKind::linux_kernel};
}

}  // namespace samepage::vmm
