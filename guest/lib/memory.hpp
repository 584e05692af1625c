// SPDX-License-Identifier: Apache-2.0
// The memory map that the loader left, and the heap made of it: whole pages, handed out upwards and never
// given back, from the RAM after the image and below 4 GiB. The first CPU alone calls take_pages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guest/abi.hpp"

namespace samepage::guest {

inline constexpr std::size_t page_size = 4096;
inline constexpr std::size_t words_per_page = page_size / sizeof(std::uint64_t);

/// Volatile, so that the compiler reads each page's content from memory: that is what these programs check.
using Page = std::array<volatile std::uint64_t, words_per_page>;
static_assert(sizeof(Page) == page_size);

/// Called once, by the runtime, before all others.
void set_boot_information(const abi::PvhStartInfo& start_info);

[[nodiscard]] std::span<const abi::PvhMemoryRange> memory_map();
[[nodiscard]] std::uint64_t ram_bytes();

/// `count` consecutive pages of RAM, zero if the VMM gives its guests zeroed memory. Ends the guest with code
/// 2 if there are not as many.
[[nodiscard]] std::span<Page> take_pages(std::size_t count);

/// The same for objects of a type that may begin as zero bytes. They share no page with anything else.
template <typename T>
[[nodiscard]] std::span<T> take_array(std::size_t count) {
  const std::span<Page> pages = take_pages((count * sizeof(T) + page_size - 1) / page_size);
  // SAFETY: the pages are used as nothing else, and are aligned for any type.
  return {reinterpret_cast<T*>(pages.data()), count};
}

/// A page below 1 MiB that holds neither boot information nor anything else: for the start-up trampoline.
[[nodiscard]] std::byte* low_page();

}  // namespace samepage::guest
