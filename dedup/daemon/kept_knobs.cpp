// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/kept_knobs.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "base/log.hpp"

namespace samepage::dedup {
namespace {

void read_line(std::string_view line, Settings& knobs, const std::string& path) {
  try {
    const std::size_t at = line.find('=');
    if (at == std::string_view::npos) throw UserError(fmt::format("'{}' is not KNOB=VALUE", line));
    set_knob(knobs, line.substr(0, at), line.substr(at + 1));
  } catch (const UserError& error) {
    log(LogLevel::warning, "{} is left out of {}: {}", line, path, error.what());
  }
}

}  // namespace

bool KeptKnobs::read_into(Settings& knobs) const {
  const KeptLines::Read found = lines_.read();
  for (const std::string& line : found.lines) read_line(line, knobs, path());
  return found.any;
}

bool KeptKnobs::keep(const Settings& knobs, const Settings& defaults) const {
  std::vector<std::string> lines;
  for (const KnobDescription& knob : knob_descriptions()) {
    if (knobs.*knob.field == defaults.*knob.field) continue;
    lines.push_back(fmt::format("{}={}", knob.name, knob_text(knobs, knob)));
  }
  return lines_.keep(lines);
}

}  // namespace samepage::dedup
