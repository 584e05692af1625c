// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/file_kind.hpp"

#include <algorithm>
#include <array>

namespace samepage::analyze {
namespace {

struct Known {
  std::string_view beginning;
  FileType type;
};

constexpr std::string_view elf_from_qemu =
    "have it written as ELF: QEMU's dump-guest-memory without a format, or 'virsh dump --memory-only "
    "--format elf'";
constexpr std::string_view memory_from_qemu =
    "write memory alone: QEMU's dump-guest-memory, or 'virsh dump --memory-only --format elf'";
constexpr std::string_view unpack = "unpack it first; '-' reads memory from a pipe";

constexpr std::array known{
    Known{"\x7f"
          "ELF",
          {FileKind::elf, "an ELF file, such as a core of a guest", ""}},
    Known{"SMPGSNAP",
          {FileKind::snapshot, "a snapshot of a samepage guest",
           "'samepage restore' it, and write its memory with 'samepage dump'"}},
    Known{"KDUMP   ", {FileKind::not_memory, "a kdump-compressed dump", elf_from_qemu}},
    Known{"DISKDUMP", {FileKind::not_memory, "a diskdump of a kernel", elf_from_qemu}},
    Known{"makedumpfile",
          {FileKind::not_memory, "a kdump-compressed dump, flattened by makedumpfile", elf_from_qemu}},
    Known{"PAGEDU", {FileKind::not_memory, "a Windows crash dump", elf_from_qemu}},
    Known{"EMiL", {FileKind::not_memory, "a LiME dump", "have LiME write it with format=padded"}},
    Known{"QEVM", {FileKind::not_memory, "a saved state of QEMU", memory_from_qemu}},
    Known{"LibvirtQemudSave", {FileKind::not_memory, "a saved state of libvirt", memory_from_qemu}},
    Known{"QFI\xfb", {FileKind::not_memory, "a qcow2 disk", ""}},
    Known{"\x1f\x8b", {FileKind::not_memory, "packed with gzip", unpack}},
    Known{"BZh", {FileKind::not_memory, "packed with bzip2", unpack}},
    Known{"\xfd"
          "7zXZ",
          {FileKind::not_memory, "packed with xz", unpack}},
    Known{"\x28\xb5\x2f\xfd", {FileKind::not_memory, "packed with zstd", unpack}},
    Known{"\x04\x22\x4d\x18", {FileKind::not_memory, "packed with LZ4", unpack}},
};

static_assert(std::all_of(known.begin(), known.end(),
                          [](const Known& one) { return one.beginning.size() <= beginning_bytes; }));

}  // namespace

FileType file_type(std::span<const std::byte> beginning) {
  const auto begins_with = [&](const Known& one) {
    return beginning.size() >= one.beginning.size() &&
           std::equal(one.beginning.begin(), one.beginning.end(), beginning.begin(), [](char a, std::byte b) {
             return static_cast<unsigned char>(a) == std::to_integer<unsigned char>(b);
           });
  };
  const auto found = std::find_if(known.begin(), known.end(), begins_with);
  return found == known.end() ? FileType{} : found->type;
}

}  // namespace samepage::analyze
