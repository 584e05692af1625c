// SPDX-License-Identifier: Apache-2.0
#include "manual/completion.hpp"

#include <algorithm>

#include "dedup/knobs.hpp"

namespace samepage::manual {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// Words that stand for themselves are small; what is to be put in their place is written in capitals.
bool is_literal(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
  });
}

}  // namespace

Candidates candidates(const cli::OptionText& option) {
  using Kind = Candidates::Kind;
  const bool is_word = !option.name.starts_with('-');
  const std::string& type = is_word ? option.name : option.type;
  if (type.starts_with("FILE") || type.starts_with("PATH") || type == "KERNEL") return {Kind::file, {}};
  if (type.starts_with("GUEST")) return {Kind::guest, {}};
  if (type == "IMAGE") return {Kind::image, {}};
  if (type == "USER") return {Kind::user, {}};
  if (type == "DOMAIN") return {Kind::words, {"default", "none", "zero-only"}};
  if (type == "SETTING") {
    Candidates knobs{Kind::words, {}};
    for (const dedup::KnobDescription& knob : dedup::knob_descriptions())
      knobs.words.push_back(std::string(knob.name) + "=");
    return knobs;
  }
  const std::vector<std::string> ways = split(type, '|');
  Candidates words;
  std::copy_if(ways.begin(), ways.end(), std::back_inserter(words.words), is_literal);
  if (!words.words.empty()) words.kind = Kind::words;
  return words;
}

}  // namespace samepage::manual
