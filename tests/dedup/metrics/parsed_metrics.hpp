// SPDX-License-Identifier: Apache-2.0
// A reader of metrics' text that takes nothing but what both formats allow, for tests of what is written.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace samepage::dedup {

struct ParsedMetrics {
  std::map<std::string, std::string> samples;  // by name and labels, as they are written
  std::map<std::string, std::string> types;    // by what # TYPE names
  std::set<std::string> helped;
  bool ended = false;

  [[nodiscard]] std::string value(const std::string& sample) const {
    const auto found = samples.find(sample);
    return found == samples.end() ? "none" : found->second;
  }
};

/// Fails the test at each line that is not sound.
inline ParsedMetrics parse_metrics(const std::string& text) {
  static const std::regex comment("# (HELP|TYPE|UNIT) ([a-zA-Z_][a-zA-Z0-9_]*) (.+)");
  static const std::regex sample(
      R"re(([a-zA-Z_][a-zA-Z0-9_]*)(\{([a-z_]+="([^"\\\n]|\\["\\n])*")(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? )re"
      R"re((-?[0-9]+(\.[0-9]+)?))re");
  ParsedMetrics parsed;
  std::istringstream lines(text);
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_FALSE(parsed.ended) << "behind the end: " << line;
    std::smatch part;
    if (line == "# EOF") {
      parsed.ended = true;
    } else if (std::regex_match(line, part, comment)) {
      if (part[1] == "HELP") {
        EXPECT_TRUE(parsed.helped.insert(part[2]).second) << "twice: " << line;
      }
      if (part[1] == "TYPE") {
        EXPECT_TRUE(parsed.types.emplace(part[2], part[3]).second) << "twice: " << line;
      }
      if (part[1] == "UNIT") {
        EXPECT_TRUE(part[2].str().ends_with("_" + part[3].str())) << line;
      }
      if (part[1] == "HELP") family = part[2];
      EXPECT_EQ(family, part[2]) << line;
    } else if (std::regex_match(line, part, sample)) {
      EXPECT_TRUE(part[1].str().starts_with(family)) << "not of the family before it: " << line;
      EXPECT_TRUE(parsed.samples.emplace(part[1].str() + part[2].str(), part[7]).second) << "twice: " << line;
    } else {
      ADD_FAILURE() << "no line of metrics: " << line;
    }
  }
  EXPECT_TRUE(text.empty() || text.back() == '\n');
  return parsed;
}

}  // namespace samepage::dedup
