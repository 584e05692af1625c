// SPDX-License-Identifier: Apache-2.0
// What one user makes the daemon hold, and how much that may be: frames of the user's domains, records of the
// pages of the user's guests, messages on their way. Pure. Not for several threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/check.hpp"

namespace samepage::dedup {

class Account {
 public:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  explicit Account(std::uint64_t limit = unlimited) : limit_(limit) {}
  Account(const Account&) = delete;  // domains and sessions point at it
  Account& operator=(const Account&) = delete;
  ~Account() = default;

  /// False, and nothing is charged, when the user would have more than the limit.
  [[nodiscard]] bool charge(std::uint64_t bytes) { return charge_up_to(limit_, bytes); }
  /// The same for what merging takes: it leaves an eighth to members and their messages, because only a guest
  /// that may still speak can say what is not mapped any more.
  [[nodiscard]] bool charge_for_merging(std::uint64_t bytes) {
    return charge_up_to(limit_ - limit_ / 8, bytes);
  }
  /// For what is owed to the user in any case, such as the reason of a refusal.
  void charge_anyway(std::uint64_t bytes) { used_ += bytes; }
  void release(std::uint64_t bytes) {
    invariant(bytes <= used_, "more is given back than was charged");
    used_ -= bytes;
  }

  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }
  /// What is charged already stays, also where it is more.
  void set_limit(std::uint64_t limit) { limit_ = limit; }
  /// How often something was refused.
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

 private:
  bool charge_up_to(std::uint64_t most, std::uint64_t bytes) {
    if (bytes > most - std::min(used_, most)) {
      ++refusals_;
      return false;
    }
    used_ += bytes;
    return true;
  }

  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  std::uint64_t refusals_ = 0;
};

}  // namespace samepage::dedup
