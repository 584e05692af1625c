// SPDX-License-Identifier: Apache-2.0
// What goes to stdout.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {

/// Writes text to stdout, waits until that takes it, and returns exit_ok. Throws as print_out() does.
int print_text(std::string_view text);
/// The same where stop signals are blocked: throws Interrupted when one comes meanwhile.
int print_text(std::string_view text, const vmm::StopSignals& signals);
/// The same for JSON, indented, with a line end.
int print_json(const nlohmann::json& body);
std::string json_text(const nlohmann::json& body);
/// In one line, for streams of JSON.
std::string json_line(const nlohmann::json& body);

}  // namespace samepage::cli
