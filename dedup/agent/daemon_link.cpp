// SPDX-License-Identifier: Apache-2.0
#include "dedup/agent/daemon_link.hpp"

#include <utility>

#include "dedup/daemon_connection.hpp"

namespace samepage::dedup {

void DaemonLink::ask_to_join(const AgentConfig& config, std::uint32_t pages, UniqueFd socket,
                             Shortages& shortages) {
  joining_.reset();
  kept_out_.reset();
  Connection connection(config, hang_up_, std::move(socket), &shortages);
  connection.ask_to_join(config, pages, former_ ? former_->membership : 0);
  joining_.emplace(std::move(connection));
}

DaemonLink::Joined DaemonLink::finish_joining() {
  try {
    Membership membership = joining_->finish_joining();
    joined_.emplace(Link{std::move(*joining_), std::move(membership)});
  } catch (const DaemonHangs&) {
    throw;
  } catch (const GuestKeptOut&) {
    kept_out_ = std::exchange(joining_, std::nullopt);
    throw;
  } catch (...) {
    joining_.reset();
    throw;
  }
  joining_.reset();
  const std::uint64_t number = joined_->membership.welcome.membership;
  if (former_ && number != 0 && former_->membership == number) {
    former_.reset();
    return {true, {}};
  }
  return {false, std::exchange(former_, std::nullopt)};
}

void DaemonLink::lose() noexcept {
  joining_.reset();
  kept_out_.reset();
  if (!joined_) return;
  former_ = Former{joined_->membership.welcome.membership, joined_->membership.files.take_store()};
  joined_.reset();
}

int DaemonLink::fd() const {
  if (joined_) return joined_->connection.fd();
  if (kept_out_) return kept_out_->fd();
  return joining_ ? joining_->fd() : -1;
}

}  // namespace samepage::dedup
