// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/output.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/check.hpp"
#include "dedup/json_text.hpp"
#include "vmm/exit_code.hpp"

namespace samepage::cli {

int print_text(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw_errno("write to stdout");
  return exit_ok;
}

int print_json(const nlohmann::json& body) {
  return print_text(dedup::json_text(body, 2) + "\n");
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
