// SPDX-License-Identifier: Apache-2.0
// What goes to stdout.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace samepage::cli {

/// Writes text to stdout and returns exit_ok. Throws std::system_error when stdout does not take it.
int print_text(std::string_view text);
/// The same for JSON, indented, with a line end.
int print_json(const nlohmann::json& body);

/// "0.4s", "12s", "3m05s", "7h02m", "4d03h".
std::string format_uptime(double seconds);

}  // namespace samepage::cli
