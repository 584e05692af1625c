// SPDX-License-Identifier: Apache-2.0
// What options of samepaged mean: sizes, limits and addresses instead of text. Each throws UserError where a
// value can't be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dedup/daemon/handed_socket.hpp"
#include "dedup/daemon/options.hpp"
#include "dedup/knobs.hpp"
#include "dedup/metrics/metrics_server.hpp"

namespace samepage::dedup {

/// `values` has one for each knob, empty where it was not given.
void set_given(Settings& knobs, const std::vector<std::string>& values);
/// How much memory each user may make the daemon hold.
[[nodiscard]] std::uint64_t user_memory_of(const Options& options);
/// How many guests each user may have. No user takes more than a quarter of the descriptors that there are.
[[nodiscard]] std::ptrdiff_t user_guests_of(const Options& options);
/// Where metrics are served. What nobody has written on the command line does not keep the daemon from
/// merging.
[[nodiscard]] MetricsConfig metrics_of(const Options& options);
/// Throws where the service manager has decided what `options` say too.
void require_fitting(const HandedSocket& handed, const Options& options);

}  // namespace samepage::dedup
