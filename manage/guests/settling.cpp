// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/settling.hpp"

#include "manage/guests/figures.hpp"

namespace samepage::guests {

bool Settling::add(const nlohmann::json& host) {
  const State now{number(host, "pages_sharing"), number(host, "zero_pages"), number(host, "pages_unshared")};
  const std::uint64_t scans = number(host, "full_scans");
  if (last_ != now || number(host, "pages_pending") != 0) {
    last_ = now;
    since_ = scans;
    return false;
  }
  return scans >= since_ + quiet_scans_;
}

}  // namespace samepage::guests
