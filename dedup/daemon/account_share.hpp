// SPDX-License-Identifier: Apache-2.0
// What one connection has charged to its user's account. It goes back to the account with the connection.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "dedup/daemon/account.hpp"

namespace samepage::dedup {

class AccountShare {
 public:
  explicit AccountShare(std::shared_ptr<Account> account) : account_(std::move(account)) {}
  ~AccountShare() { account_->release(charged_); }
  AccountShare(const AccountShare&) = delete;
  AccountShare& operator=(const AccountShare&) = delete;

  /// False, and nothing is charged, when the user would have more than the limit.
  [[nodiscard]] bool charge(std::uint64_t bytes) {
    if (!account_->charge(bytes)) return false;
    charged_ += bytes;
    return true;
  }
  void charge_anyway(std::uint64_t bytes) {
    account_->charge_anyway(bytes);
    charged_ += bytes;
  }
  void release(std::uint64_t bytes) {
    account_->release(bytes);
    charged_ -= bytes;
  }
  [[nodiscard]] const Account& account() const { return *account_; }

 private:
  std::shared_ptr<Account> account_;
  std::uint64_t charged_ = 0;
};

}  // namespace samepage::dedup
