// SPDX-License-Identifier: Apache-2.0
// Requests to the guest that a domain runs as. All throw a libvirt::Error when it does not run, does not
// answer in time or refuses. May block: the mutex of the domains must not be held.
#pragma once

#include <chrono>

#include "base/json.hpp"
#include "manage/guests/guest_connection.hpp"
#include "manage/libvirt/domain_definition.hpp"
#include "manage/libvirt/domains_parts.hpp"

namespace samepage::libvirt {

inline constexpr std::chrono::seconds answer_patience{10};

/// A connection to the guest that a domain ran as a moment ago.
guests::GuestConnection connect_to(const DomainRef& domain);
/// Its answer to one request.
nlohmann::json ask(const DomainRef& domain, const nlohmann::json& request);

/// A domain that must run, and what it is.
struct Live {
  DomainRef ref;
  DomainDefinition definition;
};
Live live_one(Domains::Parts& parts, const DomainRef& domain);

}  // namespace samepage::libvirt
