// SPDX-License-Identifier: Apache-2.0
// The first two messages between an agent and the daemon, HELLO and WELCOME, in every version that is let in.
// Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dedup/daemon/session_host.hpp"
#include "dedup/protocol.hpp"

namespace samepage::dedup {

/// It is not a HELLO, or not a sound one: the peer breaks the protocol.
struct NoHello {};
/// It is of a version that is not spoken here. Why, for the person who started the guest.
struct UnknownVersion {
  std::string reason;
};
[[nodiscard]] std::variant<wire::Hello, NoHello, UnknownVersion> read_hello(
    std::span<const std::byte> payload);

/// The WELCOME for an agent that has said HELLO in `version`.
[[nodiscard]] std::vector<std::byte> make_welcome(const SessionHost::Membership& membership,
                                                  const DigestSecret& secret, std::uint32_t version);

}  // namespace samepage::dedup
