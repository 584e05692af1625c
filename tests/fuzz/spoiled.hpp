// SPDX-License-Identifier: Apache-2.0
// Inputs that get deeper than bytes from nowhere.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace samepage::test {

/// A good file with the input written over it in places that the input names.
inline std::vector<std::byte> spoiled(std::vector<std::byte> file, std::span<const std::byte> input) {
  while (input.size() >= 3) {
    const std::size_t at = std::to_integer<std::size_t>(input[0]) | std::to_integer<std::size_t>(input[1])
                                                                        << 8U;
    file[at % file.size()] = input[2];
    input = input.subspan(3);
  }
  return file;
}

}  // namespace samepage::test
