// SPDX-License-Identifier: Apache-2.0
#include "manage/guests/shortages.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "base/json.hpp"
#include "base/units.hpp"
#include "manage/guests/figures.hpp"

namespace samepage::guests {
namespace {

using nlohmann::json;

// No more than a word: it gets to a terminal.
std::string word(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  const std::string text = found->get<std::string>();
  constexpr const char* letters = "abcdefghijklmnopqrstuvwxyz ";
  return text.size() <= 24 && text.find_first_not_of(letters) == std::string::npos ? text : std::string();
}

}  // namespace

std::vector<ShortageText> shortage_texts(const json& figures) {
  std::vector<ShortageText> texts;
  const auto list = figures.find("shortages");
  if (list == figures.end() || !list->is_array()) return texts;
  for (const json& shortage : *list) {
    if (!shortage.is_object()) continue;
    const std::string what = word(shortage, "resource");
    if (what.empty()) continue;
    std::string how = "since " + format_uptime(static_cast<double>(number(shortage, "lasts_ms")) / 1000);
    const std::uint64_t waiting = number(shortage, "waiting");
    if (waiting > 0) how += fmt::format(", {} {} wait", waiting, word(shortage, "waits"));
    texts.push_back({what, how});
  }
  return texts;
}

std::string shortage_line(const json& figures) {
  std::string line;
  for (const ShortageText& text : shortage_texts(figures)) line += (line.empty() ? "" : ", ") + text.whole();
  return line;
}

}  // namespace samepage::guests
