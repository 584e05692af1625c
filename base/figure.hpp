// SPDX-License-Identifier: Apache-2.0
// What a published figure is: its key in JSON, its unit, its kind and what it means. Tables, JSON and metrics
// are made from lists of these: of the host in dedup/host_figures, of one guest in vmm/control/guest_figures.
// docs/manual.md says the same at greater length; a test compares the keys and what they can be checked
// against.
#pragma once

#include <cstdint>
#include <string_view>

namespace samepage {

/// What a figure counts in. In JSON it is the plain number.
enum class Unit : std::uint8_t {
  count,
  bytes,
  signed_bytes,
  microseconds,
  seconds,
  yes_or_no,
  text,
  structure,  // a list or an object of JSON, for programs
};

enum class Kind : std::uint8_t {
  gauge,      // how it is now
  counter,    // since the guest or the daemon started: never less than before
  peak,       // the most since then
  histogram,  // how often something took how long, since then: dedup/hold_times.hpp
};

struct Figure {
  std::string_view key;
  std::string_view title;  // in tables; empty: in JSON alone
  Unit unit = Unit::count;
  Kind kind = Kind::gauge;
  std::string_view help = {};    // a few words
  std::string_view checks = {};  // the kernel's own figure that it can be held against; empty: there is none
  std::string_view former_key = {};  // JSON has it under this key too, for one release
};

}  // namespace samepage
