// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/user_quota.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "base/json.hpp"
#include "base/units.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

// "2 of 4", or "2" where there is no limit.
std::string part(const json& user, const char* key, const char* limit_key,
                 std::string (*text)(std::uint64_t)) {
  std::string used = text(guests::number(user, key));
  const auto limit = user.find(limit_key);
  if (limit == user.end() || !limit->is_number()) return used;
  return fmt::format("{} of {}", used, text(guests::number(user, limit_key)));
}

std::string count_text(std::uint64_t count) {
  return std::to_string(count);
}

}  // namespace

bool has_quota(const json& user) {
  return user.is_object() &&
         (guests::number(user, "policy_line") > 0 || guests::number(user, "kept_out") > 0);
}

std::string quota_text(const json& user) {
  std::string text = fmt::format("{} guests, {} of RAM, {} domains, {} held by the daemon",
                                 part(user, "guests", "guests_limit", count_text),
                                 part(user, "ram_bytes", "ram_limit_bytes", format_size),
                                 part(user, "domains", "domains_limit", count_text),
                                 part(user, "bytes", "limit_bytes", format_size));
  if (const auto kept_out = guests::number(user, "kept_out"); kept_out > 0) {
    text += fmt::format("; {} kept out", kept_out);
  }
  return text;
}

}  // namespace samepage::cli
