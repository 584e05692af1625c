// SPDX-License-Identifier: Apache-2.0
#include "dedup/knobs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <vector>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

constexpr std::string_view on_off = "on|off";

constexpr std::array descriptions{
    KnobDescription{"merging", &Settings::merging, on_off, 0, 1,
                    "look for pages to merge; what is merged stays merged, and images are loaded as ever"},
    KnobDescription{"interval", &Settings::interval_ms, "ms", 0, 3'600'000,
                    "least time between two passes over a guest: how long a page must be quiet"},
    KnobDescription{"max-interval", &Settings::max_interval_ms, "ms", 0, 3'600'000,
                    "passes that find nothing become as rare as this"},
    KnobDescription{"cpu", &Settings::cpu_percent, "%", 1, 100,
                    "of all processors, at most, for the daemon and all its guests' agents together; 100: no "
                    "bound"},
    KnobDescription{"hold-budget", &Settings::hold_budget_us, "us", 10, 1'000'000,
                    "a guest is let go after being held this long", "stop-budget"},
    KnobDescription{
        "overcommit", &Settings::overcommit_percent, "%", 0, 1'000'000,
        "RAM that all guests may be promised, of the host's memory and paging files; 0: no bound"},
    KnobDescription{"paging-rate", &Settings::paging_rate_mib, "MiB/s", 0, 1'000'000,
                    "written to all paging files together, whoever asked for it; 0: no bound"},
    KnobDescription{"break-guard", &Settings::break_guard, on_off, 0, 1,
                    "guests that take memory fastest stand still before the kernel kills one for want of it"},
};

}  // namespace

std::span<const KnobDescription> knob_descriptions() {
  return descriptions;
}

void set_knob(Settings& knobs, std::string_view name, std::string_view value) {
  for (const KnobDescription& knob : descriptions) {
    if (knob.name != name && (knob.former_name.empty() || knob.former_name != name)) continue;
    if (knob.unit == on_off) {
      if (value != "on" && value != "off")
        throw UserError(fmt::format("{} is on or off, not '{}'", name, value));
      knobs.*knob.field = value == "on" ? 1 : 0;
      return;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const std::string_view unit = value.substr(static_cast<std::size_t>(end - value.data()));
    if (error != std::errc{} || (!unit.empty() && unit != knob.unit) || number < knob.lowest ||
        number > knob.highest) {
      throw UserError(fmt::format("{} takes a whole number from {} to {} ({}), not '{}'", name, knob.lowest,
                                  knob.highest, knob.unit, value));
    }
    knobs.*knob.field = number;
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(descriptions.size());
  for (const KnobDescription& knob : descriptions) names.push_back(knob.name);
  throw UserError(fmt::format("there is no knob '{}'; there are {}", name, fmt::join(names, ", ")));
}

std::string knob_text(const Settings& knobs, const KnobDescription& knob) {
  const std::uint32_t value = knobs.*knob.field;
  if (knob.unit == on_off) return value != 0 ? "on" : "off";
  return fmt::format("{}{}", value, knob.unit);
}

}  // namespace samepage::dedup
