// SPDX-License-Identifier: Apache-2.0
// What a user says of a paging file: PATH[,initial=SIZE][,max=SIZE]. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace samepage::dedup {

struct PagingSpec {
  std::string path;           // absolute
  std::uint64_t initial = 0;  // bytes that are set aside on the disk at once; whole segments
  std::uint64_t max = 0;      // bytes that its slots may take at most; whole segments
};

/// Throws UserError with the way out: no path, an unknown word, what is not a size, max below initial.
[[nodiscard]] PagingSpec parse_paging_spec(std::string_view text);
/// The same as text that parse_paging_spec() takes.
[[nodiscard]] std::string text_of(const PagingSpec& spec);

}  // namespace samepage::dedup
