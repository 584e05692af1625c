// SPDX-License-Identifier: Apache-2.0
// The accounts of all users that make the daemon hold something. An account goes with its last holder. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dedup/daemon/account.hpp"

namespace samepage::dedup {

class Accounts {
 public:
  /// The user's account; one of `limit` bytes when there is none.
  [[nodiscard]] std::shared_ptr<Account> of(uid_t uid, std::uint64_t limit);

  /// Calls `visit(uid, account)` for each, in the order of users.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [uid, entry] : accounts_) {
      if (const std::shared_ptr<Account> account = entry.lock()) visit(uid, *account);
    }
  }

  /// Users whose account has refused something and had not when this was called before: they are told of
  /// once.
  [[nodiscard]] std::vector<uid_t> newly_full();

 private:
  std::map<uid_t, std::weak_ptr<Account>> accounts_;
  std::vector<uid_t> full_;  // the last time
};

}  // namespace samepage::dedup
