// SPDX-License-Identifier: Apache-2.0
#include "dedup/metrics/metrics_listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.hpp"

namespace samepage::dedup {
namespace {

using boost::asio::ip::tcp;

constexpr int most_waiting = 64;

// `endpoint` gets the port that there is.
UniqueFd listen_at(tcp::endpoint& endpoint) {
  const std::string where = text_of(endpoint);
  UniqueFd fd =
      checked_fd(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                 "socket for " + where);
  const int on = 1;
  check(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "setsockopt SO_REUSEADDR");
  if (endpoint.address().is_v6()) {  // an address of the other kind is another place
    check(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), "setsockopt IPV6_V6ONLY");
  }
  check(::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())),
        "metrics can't listen on " + where);
  check(::listen(fd.get(), most_waiting), "metrics can't listen on " + where);
  auto size = static_cast<socklen_t>(endpoint.capacity());
  check(::getsockname(fd.get(), endpoint.data(), &size), "getsockname");
  return fd;
}

}  // namespace

UniqueFd MetricsListener::renew() {
  UniqueFd fd;
  if (auto* endpoint = std::get_if<tcp::endpoint>(&address_)) {
    if (!listens_) fd = listen_at(*endpoint);
  } else if (!local_) {
    local_.emplace(std::get<std::string>(address_), Admission::owner_only, "--metrics");
    fd = local_->take();
  } else if (local_->renew()) {
    fd = local_->take();
  }
  listens_ = true;
  return fd;
}

}  // namespace samepage::dedup
