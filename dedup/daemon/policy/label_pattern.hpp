// SPDX-License-Identifier: Apache-2.0
// Patterns of domains' labels, as a policy has them: '*' stands for any characters or none, '?' for one. They
// are about the name in the label. A pattern without a mode fits labels of any mode, for none gives more away
// than a plain domain does; one with a mode fits those of that mode.
// Pure.
#pragma once

#include <string_view>

namespace samepage::dedup {

/// Whether some label may fit the pattern: it is made of what labels are made of, '*' and '?'.
[[nodiscard]] bool is_label_pattern(std::string_view text);
/// The time that it takes grows with the product of both lengths at most, whatever the pattern.
[[nodiscard]] bool fits(std::string_view pattern, std::string_view label);

}  // namespace samepage::dedup
