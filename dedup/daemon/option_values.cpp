// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/option_values.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/process_memory.hpp"
#include "base/units.hpp"
#include "dedup/metrics/metrics_address.hpp"

namespace samepage::dedup {

void set_given(Settings& knobs, const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].empty()) set_knob(knobs, knob_descriptions()[i].name, values[i]);
  }
}

std::uint64_t user_memory_of(const Options& options) {
  if (options.user_memory.empty()) return host_memory("MemTotal") / 4;
  const auto bytes = parse_size(options.user_memory);
  if (!bytes) {
    throw UserError(
        fmt::format("'{}' is not a size: use a number with K, M or G after --user-memory, such as 4G",
                    options.user_memory));
  }
  return *bytes;
}

std::ptrdiff_t user_guests_of(const Options& options) {
  constexpr rlim_t descriptors_of_a_guest = 3;
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  return static_cast<std::ptrdiff_t>(
      std::min<rlim_t>(options.user_guests, limit.rlim_cur / descriptors_of_a_guest / 4));
}

MetricsConfig metrics_of(const Options& options) {
  using Trouble = MetricsConfig::Trouble;
  MetricsConfig config{{}, Trouble::thrown, SAMEPAGE_VERSION};
  const Reach reach = options.metrics_public ? Reach::any_host : Reach::this_host;
  for (const std::string& text : options.metrics)
    config.addresses.push_back(parse_metrics_address(text, reach));
  const char* const environment = std::getenv("SAMEPAGE_METRICS");
  if (!config.addresses.empty() || environment == nullptr || *environment == 0) return config;
  config.trouble = Trouble::told;
  try {
    config.addresses.push_back(parse_metrics_address(environment, reach));
  } catch (const std::exception& error) {
    log_error("SAMEPAGE_METRICS", error);
  }
  return config;
}

void require_fitting(const HandedSocket& handed, const Options& options) {
  if (!options.socket.empty() || options.background || !options.user.empty()) {
    throw UserError(
        fmt::format("the service manager hands over the socket {}: leave out --socket, --background and "
                    "--user (its unit has User=)",
                    handed.path));
  }
  if (handed.for_others && !options.everybody) {
    throw UserError(
        fmt::format("other users may connect to the socket {}: give --allow-others, or make it yours alone "
                    "with SocketMode=0600",
                    handed.path));
  }
}

}  // namespace samepage::dedup
