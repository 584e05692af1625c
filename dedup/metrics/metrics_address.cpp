// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metrics_address.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

using boost::asio::ip::tcp;

constexpr std::string_view unix_prefix = "unix:";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// An IPv6 address is in brackets, and no other is.
std::optional<tcp::endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  const auto port = parse_port(text.substr(colon + 1));
  if (error || address.is_v6() != brackets || !port) return std::nullopt;
  return tcp::endpoint(address, *port);
}

}  // namespace

MetricsAddress parse_metrics_address(std::string_view text, Reach reach) {
  if (text.starts_with(unix_prefix) && text.size() > unix_prefix.size()) {
    return std::filesystem::absolute(text.substr(unix_prefix.size())).string();
  }
  const auto endpoint = parse_endpoint(text);
  if (!endpoint) {
    throw UserError(fmt::format(
        "'{}' is not a place for metrics: use ADDRESS:PORT such as 127.0.0.1:9464 or [::1]:9464, or "
        "unix:PATH",
        text));
  }
  if (!endpoint->address().is_loopback() && reach == Reach::this_host) {
    throw UserError(fmt::format(
        "other hosts can reach {}, and metrics are neither encrypted nor protected by a password: use "
        "127.0.0.1 or [::1], or allow it with --metrics-public",
        text));
  }
  return *endpoint;
}

std::string text_of(const MetricsAddress& address) {
  if (const auto* path = std::get_if<std::string>(&address)) return fmt::format("{}{}", unix_prefix, *path);
  const auto& endpoint = std::get<tcp::endpoint>(address);
  const std::string host = endpoint.address().to_string();
  return fmt::format(
      fmt::runtime(endpoint.address().is_v6() ? "http://[{}]:{}/metrics" : "http://{}:{}/metrics"), host,
      endpoint.port());
}

}  // namespace samepage::dedup
