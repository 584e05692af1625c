// SPDX-License-Identifier: Apache-2.0
// One place where metrics are served: made at the start, or as soon as it can be made, and anew when somebody
// has removed its socket. One thread at a time.
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "dedup/listening_socket.hpp"
#include "dedup/metrics/metrics_address.hpp"

namespace samepage::dedup {

class MetricsListener {
 public:
  explicit MetricsListener(MetricsAddress address) : address_(std::move(address)) {}

  /// Listens where it does not yet. A socket to accept connections on from now on, empty where nothing has
  /// changed. Throws what keeps it from listening; may be called again.
  [[nodiscard]] UniqueFd renew();
  [[nodiscard]] bool listens() const { return listens_; }
  /// With the port that it really has.
  [[nodiscard]] const MetricsAddress& address() const { return address_; }

 private:
  MetricsAddress address_;
  std::optional<ListeningSocket> local_;
  bool listens_ = false;
};

}  // namespace samepage::dedup
