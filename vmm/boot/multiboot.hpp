// SPDX-License-Identifier: Apache-2.0
// Multiboot, version 1: the header that an image has, and the information that its entry is given. Pure.
// Multiboot Specification 0.6.96, sections 3.1 and 3.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace samepage::vmm::multiboot {

inline constexpr std::uint32_t entry_magic = 0x2bad'b002;  // in eax at the entry

/// The flags of the header, which lies in the first 8 KiB, at a multiple of 4, and whose words add up to 0.
std::optional<std::uint32_t> header_flags(std::span<const std::byte> file);
/// Whether everything that the flags insist on is done here.
bool can_satisfy(std::uint32_t flags);

/// Section 3.3; ebx at the entry.
struct Information {
  std::uint32_t flags;
  std::uint32_t lower_kib;
  std::uint32_t upper_kib;
  std::uint32_t boot_device;
  std::uint32_t command_line;  // gpa of a zero-terminated string
  std::uint32_t module_count;
  std::uint32_t modules;  // gpa of Module[module_count]
  std::uint32_t symbols[4];
  std::uint32_t memory_map_bytes;
  std::uint32_t memory_map;  // gpa of MemoryRange[]
  std::uint32_t drives[2];
  std::uint32_t configuration;
  std::uint32_t loader_name;  // gpa of a zero-terminated string
};
static_assert(sizeof(Information) == 68);

struct Module {
  std::uint32_t start;
  std::uint32_t end;
  std::uint32_t command_line;
  std::uint32_t reserved;
};
static_assert(sizeof(Module) == 16);

struct [[gnu::packed]] MemoryRange {
  std::uint32_t bytes_that_follow;  // 20
  std::uint64_t start;
  std::uint64_t size;
  std::uint32_t type;  // an E820 type
};
static_assert(sizeof(MemoryRange) == 24);

/// Which members of Information are valid.
enum InformationFlag : std::uint32_t {
  has_memory = 1U << 0U,
  has_command_line = 1U << 2U,
  has_modules = 1U << 3U,
  has_memory_map = 1U << 6U,
  has_loader_name = 1U << 9U,
};

}  // namespace samepage::vmm::multiboot
