// SPDX-License-Identifier: Apache-2.0
// The knobs by name, as people set and read them: `samepage tune interval=50ms`, `samepaged --cpu 5%`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// All knobs: those that agents are told of, and those that are the daemon's alone.
struct Settings : wire::Knobs {
  std::uint32_t overcommit_percent = 0;  // RAM of all guests, of memory and paging files; 0: no bound
  std::uint32_t paging_rate_mib = 0;     // written to paging files a second; 0: no bound
  std::uint32_t break_guard = 1;         // 0: nobody stands still for want of memory
};

/// One knob: where it lives in Settings, what it takes and what it is for.
struct KnobDescription {
  std::string_view name;
  std::uint32_t Settings::*field;
  std::string_view unit;  // may be written behind the number; "on|off" for a switch
  std::uint32_t lowest;
  std::uint32_t highest;
  std::string_view help;
  std::string_view former_name = {};  // still taken, for one release
};

std::span<const KnobDescription> knob_descriptions();

/// Sets a knob from text such as "on", "50", "50ms", "5%". Throws UserError that names what would be right.
void set_knob(Settings& knobs, std::string_view name, std::string_view value);

/// A knob's value as set_knob() takes it.
std::string knob_text(const Settings& knobs, const KnobDescription& knob);

}  // namespace samepage::dedup
