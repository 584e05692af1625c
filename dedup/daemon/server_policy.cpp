// SPDX-License-Identifier: Apache-2.0
// What the server does for the policy of its host: it takes another one, lets guests ask again, and counts
// what each user has.
#include <algorithm>
#include <utility>

#include "base/types.hpp"
#include "dedup/daemon/server.hpp"

namespace samepage::dedup {

void Server::set_policy(Policy policy) {
  config_.admission.policy = std::move(policy);
  accounts_.for_each(
      [this](uid_t uid, Account& account) { account.set_limit(config_.admission.memory_of(uid)); });
  let_in_those_kept_out();
}

// The end of its connection tells a guest. It asks again like any other, and may come too late.
void Server::let_in_those_kept_out() {
  looked_at_kept_out_ = Memberships::Clock::now();
  for (const auto& [key, session] : sessions_) {
    const wire::Hello* const hello = session->kept_out();
    if (hello != nullptr && !memberships_.is_kept_out(session->peer(), *hello)) session->close();
  }
}

UserFigures Server::user_figures(uid_t uid, const Account& account) const {
  const GuestTable::UserTotals totals = memberships_.guests().totals_of(uid);
  const auto kept_out = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second->kept_out() != nullptr && entry.second->peer().uid == uid;
  });
  return {.uid = uid,
          .account = account,
          .guests = totals.guests,
          .ram_bytes = PageCount{totals.pages}.bytes(),
          .domains = totals.domains.size(),
          .kept_out = static_cast<std::uint64_t>(kept_out),
          .rule = config_.admission.policy_rule(uid)};
}

}  // namespace samepage::dedup
