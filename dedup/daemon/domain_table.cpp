// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/domain_table.hpp"

#include <utility>

namespace samepage::dedup {

// Only a domain that is complete is in the map.
Domain& DomainTable::named(const std::string& label, uid_t owner) {
  const auto known = domains_.find(label);
  if (known != domains_.end()) return *known->second;
  return *domains_.emplace(label, make_(label, owner)).first->second;
}

// A domain that is settling is looked at again when it has.
void DomainTable::drop_if_empty(const std::string& label) {
  const auto known = domains_.find(label);
  if (known != domains_.end() && known->second->empty() && !settling_.contains(label)) domains_.erase(known);
}

void DomainTable::settle(const std::string& label) {
  const auto found = domains_.find(label);
  if (found == domains_.end() || !settling_.insert(label).second) return;
  turns_.add(found->second->owner(),
             [this, domain = found->second](Turn& turn) { return give_turn(*domain, turn); });
}

bool DomainTable::give_turn(Domain& domain, Turn& turn) {
  try {
    const bool done = domain.go_on(turn);
    after_turn_(domain);
    if (!done || domain.busy()) return true;
  } catch (...) {
    settling_.erase(domain.label());  // it is tried again in a second
    throw;
  }
  settling_.erase(domain.label());
  drop_if_empty(domain.label());
  return false;
}

void DomainTable::settle_busy() {
  for (const auto& [label, domain] : domains_) {
    if (domain->busy()) settle(label);
  }
}

}  // namespace samepage::dedup
