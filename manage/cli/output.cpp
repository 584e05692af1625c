// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/output.hpp"

#include <fmt/format.h>

#include "base/standard_output.hpp"
#include "dedup/json_text.hpp"
#include "manage/cli/interrupted.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {

int print_text(std::string_view text) {
  print_out(text);
  return exit_ok;
}

int print_text(std::string_view text, const vmm::StopSignals& signals) {
  if (!print_out(text, signals.fd())) throw Interrupted{signals.take()};
  return exit_ok;
}

int print_json(const nlohmann::json& body) {
  return print_text(json_text(body));
}

std::string json_text(const nlohmann::json& body) {
  return dedup::json_text(body, 2) + "\n";
}

std::string format_uptime(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<unsigned long>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

}  // namespace samepage::cli
