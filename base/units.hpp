// SPDX-License-Identifier: Apache-2.0
// Sizes, in IEC units, and times as people write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace samepage {

/// Bytes of "4096", "512K", "64m", "3.5G", "64MB" or "64MiB": units are powers of 1024, in any case. Empty
/// when the text is not a size or overflows.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "0 B", "812 B", "4.0 KiB", "64.0 MiB": one digit after the point from KiB on.
std::string format_size(std::uint64_t bytes);
/// The same in fewer characters, for columns: "812B", "4.0K", "64.0M".
std::string format_short_size(std::uint64_t bytes);
/// format_size() with a sign, for differences.
std::string format_signed_size(std::int64_t bytes);

/// "0.4s", "12s", "3m05s", "7h02m", "4d03h".
std::string format_uptime(double seconds);
/// Of "2" or "0.5", to the millisecond; empty when the text is not a number of seconds, or a negative one.
std::optional<std::chrono::milliseconds> parse_seconds(std::string_view text);

}  // namespace samepage
