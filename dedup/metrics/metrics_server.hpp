// SPDX-License-Identifier: Apache-2.0
// Serves metrics over HTTP, on a thread of its own at the lowest priority. The daemon's thread is asked for a
// snapshot at most twice a second, whoever asks how often, and does nothing else for it: text is made and
// sent here, so a slow, mute or hostile client holds up nobody. Each client has seconds for its request and
// for the answer, requests are small, and when there are too many clients the oldest goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dedup/metrics/metrics_address.hpp"
#include "dedup/metrics/metrics_snapshot.hpp"

namespace samepage::dedup {

struct MetricsConfig {
  std::vector<MetricsAddress> addresses;
  /// What is done where metrics can't be served: somebody waits for that at a terminal, or merging goes on
  /// without and it is tried again.
  enum class Trouble : std::uint8_t { thrown, told } trouble = Trouble::thrown;
  std::string version;
  /// With a snapshot that does not come; looked at once a second.
  std::chrono::milliseconds patience{5000};
};

class MetricsServer {
 public:
  using Deliver = std::function<void(MetricsSnapshot)>;
  /// Has a snapshot made and delivered, by whichever thread, later. `daemon_bytes`: Pss_Anon of this process.
  using Ask = std::function<void(std::uint64_t daemon_bytes, Deliver deliver)>;

  /// Listens. Throws where it can't, if that is how trouble is dealt with.
  MetricsServer(MetricsConfig config, Ask ask);
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  /// What was asked may still be delivered afterwards, and is dropped.
  ~MetricsServer();

  /// Begins to serve. From here on the process has a second thread.
  void start();

  /// Where it listens now, for people. Any thread.
  [[nodiscard]] std::vector<std::string> places() const;

 private:
  class Serving;
  std::shared_ptr<Serving> serving_;
  std::thread thread_;
};

}  // namespace samepage::dedup
