// SPDX-License-Identifier: Apache-2.0
// `samepage tune`: the daemon's knobs. What knobs there are and what they take, the daemon says.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"
#include "manage/cli/usage_error.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

json tune_request(const std::vector<std::string>& settings, bool reset) {
  json request{{"do", "tune"}};
  if (reset) request["reset"] = true;
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

struct TuneOptions {
  std::vector<std::string> settings;  // KNOB=VALUE; without any the knobs are only shown
  bool reset = false;                 // to the defaults first
  Format format = Format::text;
};

int tune(const TuneOptions& options) {
  const std::optional<json> answer =
      dedup::ask_daemon(daemon_socket_path(), tune_request(options.settings, options.reset));
  if (!answer)
    throw UserError("no daemon answers: it runs while guests that share do; start one with 'samepage run'");
  const json knobs = answer->value("knobs", json::object());
  const json defaults = answer->value("defaults", json::object());
  if (options.format == Format::json) return print_json(knobs);
  Table table({{"KNOB"}, {"VALUE", Align::right}, {"DEFAULT", Align::right}});
  for (const auto& [knob, value] : knobs.items()) {
    table.add_row({knob, value.get<std::string>(), defaults.value(knob, "")});
  }
  std::string text = table.render();
  const std::string kept = answer->value("kept_in", "");
  if (knobs != defaults) {
    text += kept.empty() ? "\nThese knobs end with this daemon.\n"
                         : fmt::format(
                               "\nThese knobs hold for later daemons too: they are kept in {}.\n"
                               "'samepage tune --reset' goes back to the defaults.\n",
                               kept);
  }
  return print_text(text);
}

}  // namespace

void add_tune(const Command& program) {
  const Command command = program.add("tune", "Show the merging daemon's knobs, or set some");
  const auto options = std::make_shared<TuneOptions>();
  command.texts({"SETTING", "", "KNOB=VALUE, such as merging=off"}, options->settings);
  command.flag("--reset", "first set all knobs to their defaults", options->reset);
  add_json(command, options->format);
  command.runs([options] { return tune(*options); });
}

}  // namespace samepage::cli
