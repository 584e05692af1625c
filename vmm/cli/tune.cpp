// SPDX-License-Identifier: Apache-2.0
// `samepage tune`: the daemon's knobs. What knobs there are and what they take, the daemon says.
#include <fmt/format.h>

#include <optional>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon_client.hpp"
#include "dedup/json_text.hpp"
#include "vmm/cli/commands.hpp"
#include "vmm/cli/output.hpp"
#include "vmm/cli/table.hpp"
#include "vmm/cli/usage_error.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

json tune_request(const std::vector<std::string>& settings) {
  json request{{"do", "tune"}};
  for (const std::string& setting : settings) {
    const std::size_t at = setting.find('=');
    if (at == std::string::npos || at == 0) {
      throw UsageError(
          fmt::format("'{}' is not a setting: write KNOB=VALUE; 'samepage tune' shows the knobs", setting));
    }
    request[setting.substr(0, at)] = setting.substr(at + 1);
  }
  return request;
}

}  // namespace

int tune(const std::vector<std::string>& settings, Format format) {
  const std::optional<json> answer = dedup::ask_daemon(daemon_socket_path(), tune_request(settings));
  if (!answer)
    throw UserError("no daemon answers: it runs while guests that share do; start one with 'samepage run'");
  const json knobs = answer->contains("knobs") ? answer->at("knobs") : *answer;
  if (format == Format::json) return print_json(knobs);
  Table table({{"KNOB"}, {"VALUE", Align::right}});
  for (const auto& [knob, value] : knobs.items()) {
    table.add_row({knob, value.is_string() ? value.get<std::string>() : dedup::json_text(value)});
  }
  return print_text(table.render());
}

}  // namespace samepage::cli
