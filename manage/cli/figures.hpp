// SPDX-License-Identifier: Apache-2.0
// Every figure that Samepage publishes: its key in JSON, its unit, what kind it is and what it means. Tables
// are made from these lists. docs/manual.md says the same at greater length; a test compares the keys.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace samepage::cli {

/// What a figure counts in. In JSON it is the plain number.
enum class Unit : std::uint8_t { count, bytes, signed_bytes, microseconds, seconds, yes_or_no, text };

enum class Kind : std::uint8_t {
  gauge,    // how it is now
  counter,  // since the guest or the daemon started: never less than before
};

struct Figure {
  std::string_view key;
  std::string_view title;  // in tables; empty: in JSON alone
  Unit unit = Unit::count;
  Kind kind = Kind::gauge;
  std::string_view help;    // a few words
  std::string_view checks;  // the kernel's own figure that it can be held against; empty: there is none
};

/// Of the host, and of one guest, in the order in which they are shown. The lists live for ever.
[[nodiscard]] std::span<const Figure> published_host_figures();
[[nodiscard]] std::span<const Figure> published_guest_figures();

/// A figure's value in `object`, for people; a number that is not there is 0.
[[nodiscard]] std::string text_of(const Figure& figure, const nlohmann::json& object);

/// An unsigned number of `object`, 0 when it is not there.
[[nodiscard]] std::uint64_t number(const nlohmann::json& object, std::string_view key);

}  // namespace samepage::cli
