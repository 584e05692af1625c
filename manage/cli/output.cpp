// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/output.hpp"

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

std::string json_line(const nlohmann::json& body) {
  return dedup::json_text(body) + "\n";
}

}  // namespace samepage::cli
