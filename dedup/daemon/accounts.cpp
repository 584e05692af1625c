// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/accounts.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace samepage::dedup {

std::shared_ptr<Account> Accounts::of(uid_t uid, std::uint64_t limit) {
  std::erase_if(accounts_, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Account> account = accounts_[uid].lock();
  if (!account) {
    account = std::make_shared<Account>(limit);
    accounts_[uid] = account;
  }
  return account;
}

std::vector<uid_t> Accounts::newly_full() {
  std::vector<uid_t> full, newly;
  for_each([&](uid_t uid, const Account& account) {
    if (account.refusals() > 0) full.push_back(uid);
  });
  std::set_difference(full.begin(), full.end(), full_.begin(), full_.end(), std::back_inserter(newly));
  full_ = std::move(full);
  return newly;
}

}  // namespace samepage::dedup
