// SPDX-License-Identifier: Apache-2.0
// The domains of a daemon, by label: each is made with its first guest and dropped after its last. Gives
// turns to those that are busy with what is nobody's message (Domain::go_on). The daemon's thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "dedup/daemon/domain.hpp"
#include "dedup/daemon/turn_runner.hpp"

namespace samepage::dedup {

class DomainTable {
 public:
  using Domains = std::map<std::string, std::shared_ptr<Domain>>;
  using Make = std::function<std::shared_ptr<Domain>(const std::string& label, uid_t owner)>;
  using AfterTurn = std::function<void(Domain&)>;

  /// `after_turn` is called after each turn of a domain.
  DomainTable(TurnRunner& turns, Make make, AfterTurn after_turn)
      : turns_(turns), make_(std::move(make)), after_turn_(std::move(after_turn)) {}

  /// The domain of that label, which is made if it is not there. Throws what making it throws.
  Domain& named(const std::string& label, uid_t owner);
  /// A domain that has a guest.
  [[nodiscard]] Domain& at(const std::string& label) const { return *domains_.at(label); }
  [[nodiscard]] const Domains& all() const { return domains_; }

  void drop_if_empty(const std::string& label);
  /// Gives the domain turns for as long as it is busy. What takes more than one is work of its owner's.
  void settle(const std::string& label);
  void settle_busy();

 private:
  [[nodiscard]] bool give_turn(Domain& domain, Turn& turn);

  TurnRunner& turns_;
  Make make_;
  AfterTurn after_turn_;
  Domains domains_;
  std::set<std::string> settling_;  // domains that have turns coming
};

}  // namespace samepage::dedup
