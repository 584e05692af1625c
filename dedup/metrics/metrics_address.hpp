// SPDX-License-Identifier: Apache-2.0
// Where metrics are served: what people write after --metrics and in SAMEPAGE_METRICS. Pure, but for the
// current directory of a relative path.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace samepage::dedup {

/// Who may connect over TCP: programs of this host, or of any.
enum class Reach : std::uint8_t { this_host, any_host };

/// A local socket's absolute path, for the daemon's own user and root; or an address of TCP, for everybody
/// who can reach it (port 0: any that is free).
using MetricsAddress = std::variant<std::string, boost::asio::ip::tcp::endpoint>;

/// "127.0.0.1:9464", "[::1]:9464" or "unix:PATH". Throws UserError, also for an address that other hosts can
/// reach where `reach` does not allow that.
[[nodiscard]] MetricsAddress parse_metrics_address(std::string_view text, Reach reach);

/// For people: "http://127.0.0.1:9464/metrics", "unix:PATH".
[[nodiscard]] std::string text_of(const MetricsAddress& address);

}  // namespace samepage::dedup
