// SPDX-License-Identifier: Apache-2.0
// Sizes as people write and read them, in IEC units.
#pragma once

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

}  // namespace samepage
