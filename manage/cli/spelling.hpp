// SPDX-License-Identifier: Apache-2.0
// What somebody may have meant who mistyped a word. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace samepage::cli {

/// The word of `known` that `typed` differs from in the fewest letters (one too many, one missing, another
/// one, or two in the wrong order); empty when none is near.
std::string likely_word(std::string_view typed, const std::vector<std::string>& known);

}  // namespace samepage::cli
