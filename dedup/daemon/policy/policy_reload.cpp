// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy_reload.hpp"

#include <csignal>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "dedup/daemon/policy/policy_file.hpp"

namespace samepage::dedup {

PolicyReload::PolicyReload(boost::asio::io_context& io, std::string path, Use use)
    : signal_(io, SIGHUP), path_(std::move(path)), use_(std::move(use)) {
  await_signal();
}

void PolicyReload::await_signal() {
  signal_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    await_signal();
    read();
  });
}

void PolicyReload::read() const {
  try {
    use_(read_policy(path_));
    log(LogLevel::info, "the policy {} is read anew", path_);
  } catch (const std::exception& error) {
    log(LogLevel::warning, "the former policy stays in force: {}", error.what());
  }
}

}  // namespace samepage::dedup
