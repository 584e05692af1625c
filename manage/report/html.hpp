// SPDX-License-Identifier: Apache-2.0
// Text in HTML. What guests call themselves, and what a record says, may be anything: it gets into a page
// through these functions alone. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace samepage::report {

/// For text between tags and in attributes in double quotes. Control characters and what isn't UTF-8 become
/// U+FFFD.
[[nodiscard]] std::string html(std::string_view text);
/// JSON for a <script> element, which a "</script>" inside it would end.
[[nodiscard]] std::string script_json(const nlohmann::json& body);

/// "27.5 MiB", "-3.0 KiB".
[[nodiscard]] std::string size_text(double bytes);
/// "512 µs", "2.4 ms", "1.3 s", "3m05s".
[[nodiscard]] std::string time_text(double microseconds);
/// "1,234,567"
[[nodiscard]] std::string count_text(std::uint64_t count);
/// "12.3 %"; of nothing: "0 %".
[[nodiscard]] std::string percent_text(double part, double whole);

}  // namespace samepage::report
