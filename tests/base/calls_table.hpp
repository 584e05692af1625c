// SPDX-License-Identifier: Apache-2.0
// A table of system calls as docs/security.md shows it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/call_rules.hpp"

namespace samepage {

/// A line of Markdown for each rule that lets a call through.
inline std::vector<std::string> rows_of(std::span<const CallRule> rules, std::span<const ThreadKind> kinds) {
  std::vector<std::string> rows;
  for (const CallRule& rule : rules) {
    std::string row = fmt::format("| `{}`", rule.call);
    if (!rule.when.says.empty()) row += fmt::format(" ({})", rule.when.says);
    if (rule.answer == CallRule::Answer::unknown) row += " (answered with ENOSYS)";
    row += " |";
    for (const ThreadKind kind : kinds) {
      const bool may = contains(rule.who, kind);
      row += !may ? " |" : rule.answer == CallRule::Answer::asked ? " asks |" : " yes |";
    }
    rows.push_back(row + fmt::format(" {} |", rule.what_for));
  }
  return rows;
}

/// Fails the test unless docs/security.md, in the folder `documents`, has these rows.
inline void expect_document_shows(const std::string& documents, std::span<const CallRule> rules,
                                  std::span<const ThreadKind> kinds) {
  std::ifstream file(documents + "/security.md");
  std::stringstream text;
  text << file.rdbuf();
  std::string block;
  for (const std::string& row : rows_of(rules, kinds)) block += row + "\n";
  EXPECT_NE(text.str().find(block), std::string::npos) << "docs/security.md should have:\n" << block;
}

}  // namespace samepage
