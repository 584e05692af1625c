// SPDX-License-Identifier: Apache-2.0
// What a file is that somebody takes for a guest's memory, by how it begins. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace samepage::analyze {

enum class FileKind : std::uint8_t {
  raw,         // nothing that is known: bytes of memory, one page after the other
  elf,         // perhaps a core
  snapshot,    // of a samepage guest: memory behind a header
  not_memory,  // memory or a disk in another form: its pages are not where a guest's are
};

struct FileType {
  FileKind kind = FileKind::raw;
  std::string_view name;     // of what is not raw: "a qcow2 disk"
  std::string_view way_out;  // how to get a file that can be read; may be empty
};

/// So many bytes tell it.
inline constexpr std::size_t beginning_bytes = 16;

/// `beginning` may be shorter where the file is.
FileType file_type(std::span<const std::byte> beginning);

}  // namespace samepage::analyze
