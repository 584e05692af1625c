// SPDX-License-Identifier: Apache-2.0
// SIGHUP has the policy read anew. A file that is wrong changes nothing. The daemon's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <string>

#include "dedup/daemon/policy/policy.hpp"

namespace samepage::dedup {

class PolicyReload {
 public:
  using Use = std::function<void(Policy policy)>;

  /// From now on; `use` gets each policy that is read.
  PolicyReload(boost::asio::io_context& io, std::string path, Use use);

 private:
  void await_signal();
  void read() const;

  boost::asio::signal_set signal_;
  std::string path_;
  Use use_;
};

}  // namespace samepage::dedup
