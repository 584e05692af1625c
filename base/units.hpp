// SPDX-License-Identifier: Apache-2.0
// Sizes as people write and read them, in IEC units.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace samepage {

/// Bytes of "4096", "512K", "64M", "2G" or "64MiB"; empty when the text is no size or overflows.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "0 B", "812 B", "4.0 KiB", "64.0 MiB": one digit after the point from KiB on.
std::string format_size(std::uint64_t bytes);
/// The same with a sign, for differences.
std::string format_signed_size(std::int64_t bytes);

}  // namespace samepage
