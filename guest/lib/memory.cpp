// SPDX-License-Identifier: Apache-2.0
#include "guest/lib/memory.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "guest/lib/console.hpp"
#include "guest/lib/runtime.hpp"

extern "C" std::byte image_end[];  // guest.ld: after the stacks

namespace samepage::guest {
namespace {

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
};

const abi::PvhStartInfo* boot;
std::uint64_t heap_next;

constexpr std::uint64_t low_memory_end = 0x9f000;
constexpr std::uint64_t mapped_end = 1ULL << 32;  // what the page tables of tables.S reach

std::uint64_t page_up(std::uint64_t address) {
  return (address + page_size - 1) & ~(page_size - 1);
}
std::uint64_t page_down(std::uint64_t address) {
  return address & ~(page_size - 1);
}

Range bytes_at(std::uint64_t address, std::uint64_t size) {
  return {page_down(address), page_up(address + size)};
}

// What the loader left that must outlive it. An absent part is an empty range at 0.
std::array<Range, 5> boot_ranges() {
  // SAFETY: both are the loader's addresses; see start_program.
  const auto* command_line = reinterpret_cast<const char*>(boot->command_line);
  const std::size_t length = command_line == nullptr ? 0 : std::string_view{command_line}.size() + 1;
  const auto start_info = reinterpret_cast<std::uint64_t>(boot);
  return {bytes_at(start_info, sizeof *boot), bytes_at(boot->command_line, length),
          bytes_at(boot->memory_map, boot->memory_range_count * sizeof(abi::PvhMemoryRange)),
          bytes_at(boot->modules, boot->module_count * 32ULL), bytes_at(boot->rsdp, 36)};
}

// The first `size` free bytes of RAM in `within`, whole pages.
std::optional<std::uint64_t> find_free(Range within, std::uint64_t size) {
  const std::array<Range, 5> taken = boot_ranges();
  for (const abi::PvhMemoryRange& ram : memory_map()) {
    if (ram.type != abi::e820_ram) continue;
    std::uint64_t begin = std::max(within.begin, page_up(ram.start));
    const std::uint64_t end = std::min(within.end, page_down(ram.start + ram.size));
    const auto in_the_way = [&](const Range& range) {
      return range.begin < begin + size && begin < range.end;
    };
    while (begin < end && end - begin >= size) {
      const Range* const hit = std::find_if(taken.begin(), taken.end(), in_the_way);
      if (hit == taken.end()) return begin;
      begin = hit->end;
    }
  }
  return std::nullopt;
}

}  // namespace

void set_boot_information(const abi::PvhStartInfo& start_info) {
  boot = &start_info;
  heap_next = reinterpret_cast<std::uint64_t>(image_end);
}

std::span<const abi::PvhMemoryRange> memory_map() {
  // SAFETY: the loader's table, below 4 GiB, unchanged since.
  return {reinterpret_cast<const abi::PvhMemoryRange*>(boot->memory_map), boot->memory_range_count};
}

std::uint64_t ram_bytes() {
  std::uint64_t bytes = 0;
  for (const abi::PvhMemoryRange& range : memory_map()) {
    if (range.type == abi::e820_ram) bytes += range.size;
  }
  return bytes;
}

std::span<Page> take_pages(std::size_t count) {
  const bool countable = count <= mapped_end / page_size;
  const auto begin = countable ? find_free({heap_next, mapped_end}, count * page_size) : std::nullopt;
  if (!begin) {
    print("guest: there is no room for ", count, " pages in ", ram_bytes() >> 10, " KiB of RAM\n");
    exit(code_usage);
  }
  heap_next = *begin + count * page_size;
  // SAFETY: RAM by the memory map, mapped by tables.S, and nobody else's: heap_next has moved on.
  return {reinterpret_cast<Page*>(*begin), count};
}

std::byte* low_page() {
  const auto page = find_free({page_size, low_memory_end}, page_size);
  if (!page) {
    refuse("there is no page below 1 MiB for the start-up trampoline");
  }
  // SAFETY: as above; the first CPU asks once.
  return reinterpret_cast<std::byte*>(*page);
}

}  // namespace samepage::guest
