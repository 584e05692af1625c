// SPDX-License-Identifier: Apache-2.0
// The daemon gives up rights and system calls that it does not need (daemon_calls.hpp).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>

#include "base/confine.hpp"

namespace samepage::dedup {

class DaemonConfinement {
 public:
  /// From now on, unless `confine` says no: while there is one thread. Ends the process when `io` hears of a
  /// call that a thread may not make. Throws UserError, std::system_error.
  DaemonConfinement(boost::asio::io_context& io, Confine confine);

 private:
  std::optional<boost::asio::posix::stream_descriptor> forbidden_;
};

}  // namespace samepage::dedup
