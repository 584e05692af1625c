// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/figures.hpp"

#include "base/units.hpp"

namespace samepage::guests {

using nlohmann::json;

std::uint64_t number(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

std::string text_of(const Figure& figure, const json& object) {
  const std::string key(figure.key);
  switch (figure.unit) {
    case Unit::count:
      return std::to_string(number(object, key));
    case Unit::bytes:
      return format_size(number(object, key));
    case Unit::signed_bytes:
      return format_signed_size(object.value(key, std::int64_t{0}));
    case Unit::microseconds:
      return std::to_string(number(object, key)) + " us";
    case Unit::seconds:
      return format_uptime(object.value(key, 0.0));
    case Unit::yes_or_no:
      return (object.value(key, false) ? "" : "not ") + std::string(figure.help);
    case Unit::text:
    case Unit::structure:
      break;
  }
  const auto found = object.find(key);
  if (found == object.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace samepage::guests
