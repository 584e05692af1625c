// SPDX-License-Identifier: Apache-2.0
// The two programs as they are.
#pragma once

#include "manual/man_pages.hpp"

namespace samepage::manual {

[[nodiscard]] Programs our_programs();

/// The manual with fresh tables of options, see cli::with_option_tables(): of the commands, and of samepaged.
[[nodiscard]] std::string with_option_tables(const std::string& manual, const Programs& programs);

}  // namespace samepage::manual
