// SPDX-License-Identifier: Apache-2.0
// What is the same in every page: how it looks, and what its pictures show under the pointer.
#pragma once

#include <string_view>

namespace samepage::report {

[[nodiscard]] std::string_view page_style();  // CSS
[[nodiscard]] std::string_view
page_script();  // JavaScript; without it nothing is missing but values at the pointer

}  // namespace samepage::report
