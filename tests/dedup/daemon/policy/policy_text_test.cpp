// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace samepage::dedup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::optional<uid_t> number_of(const std::string& name) {
  if (name == "alice") return 1001;
  if (name == "bob") return 1002;
  return std::nullopt;
}

ParsedPolicy parse(std::string_view text) {
  return parse_policy(text, "/etc/samepage/policy", number_of);
}

TEST(PolicyText, ARuleForEachUser) {
  const auto [policy, problems] = parse(
      "# the lab\n"
      "\n"
      "alice\tdomains=lab-*,web   max-domains=3 max-guests=16 max-ram=32G max-held=512M # her own\r\n"
      "1500  max-guests=0\n"
      "bob\n"
      "  *   max-ram=1G");
  ASSERT_TRUE(problems.empty()) << problems.front().text;
  EXPECT_EQ(policy.path, "/etc/samepage/policy");
  ASSERT_EQ(policy.users.size(), 3U);
  const PolicyRule& alice = policy.users.at(1001);
  EXPECT_EQ(alice.user, "alice");
  EXPECT_EQ(alice.line, 3U);
  EXPECT_THAT(alice.domains, ElementsAre("lab-*", "web"));
  EXPECT_EQ(alice.max_domains, 3U);
  EXPECT_EQ(alice.max_guests, 16U);
  EXPECT_EQ(alice.max_ram, 32ULL << 30U);
  EXPECT_EQ(alice.max_held, 512ULL << 20U);
  EXPECT_EQ(policy.users.at(1500).max_guests, 0U);
  const PolicyRule& bob = policy.users.at(1002);
  EXPECT_TRUE(bob.domains.empty() && !bob.max_guests && !bob.max_ram && !bob.max_domains && !bob.max_held);
  ASSERT_TRUE(policy.others);
  EXPECT_EQ(policy.others->line, 6U);
  EXPECT_EQ(policy.others->max_ram, 1ULL << 30U);
}

// Each line is the second of a file whose first is alice's.
TEST(PolicyText, AModeIsAPartOfItsLabel) {
  const auto [policy, problems] = parse("alice domains=a,uniform,b-*,c,uniform\nbob domains=a,uniform\n");
  ASSERT_TRUE(problems.empty()) << problems.front().text;
  EXPECT_THAT(policy.users.at(1001).domains, ElementsAre("a,uniform", "b-*", "c,uniform"));
  EXPECT_THAT(policy.users.at(1002).domains, ElementsAre("a,uniform"));
}

TEST(PolicyText, ABadLineIsNamedWithWhatToDo) {
  struct Case {
    const char* line;
    const char* told;
  };
  for (const Case& each : {
           Case{"carol max-guests=1", "no user 'carol' in /etc/passwd"},
           {"al*ce max-guests=1", "or * for all others"},
           {"4294967295 max-guests=1", "not a user's number"},
           {"99999999999999999999 max-guests=1", "not a user's number"},
           {"-1 max-guests=1", "no user '-1'"},
           {"domains=web", "no user 'domains=web'"},
           {"alice max-guests=1", "a rule in line 1 already"},
           {"1001 max-guests=1", "a rule in line 1 already"},
           {"bob max-guest=1", "'max-guest=1' is not a setting; they are domains, max-domains, max-guests"},
           {"bob max-guests", "each with = and a value"},
           {"bob max-guests = 4", "'max-guests' is not a setting"},
           {"bob =4", "'=4' is not a setting"},
           {"bob max-guests=", "such as max-guests=4"},
           {"bob max-guests=four", "'max-guests=four' is not a number"},
           {"bob max-guests=-1", "is not a number"},
           {"bob max-guests=4x", "is not a number"},
           {"bob max-guests=1048577", "up to 1048576"},
           {"bob max-domains=1.5", "such as max-domains=4"},
           {"bob max-ram=much", "such as max-ram=4G"},
           {"bob max-ram=-4G", "is not a size"},
           {"bob max-held=99999999999999999999", "is not a size"},
           {"bob max-guests=1 max-guests=2", "max-guests= is there twice"},
           {"bob domains=a domains=b", "domains= is there twice"},
           {"bob domains=", "'' is not the label of a domain"},
           {"bob domains=a,,b", "'' is not the label"},
           {"bob domains=a,", "'' is not the label"},
           {"bob domains=a, b", "'' is not the label"},
           {"bob domains=[ab]", "'[ab]' is not the label"},
           {"bob domains=a/b", "such as domains=web,lab-*"},
       }) {
    const ParsedPolicy parsed = parse(std::string("alice\n") + each.line + "\n");
    ASSERT_EQ(parsed.problems.size(), 1U) << each.line;
    EXPECT_EQ(parsed.problems[0].line, 2U) << each.line;
    EXPECT_THAT(parsed.problems[0].text, HasSubstr(each.told)) << each.line;
  }
}

TEST(PolicyText, AllThatIsWrongIsTold) {
  const ParsedPolicy parsed = parse("carol\nalice\n* domains=\n* max-guests=1\n* max-guests=2\n");
  std::vector<unsigned> lines;
  for (const PolicyProblem& problem : parsed.problems) lines.push_back(problem.line);
  EXPECT_THAT(lines, ElementsAre(1U, 3U, 5U));
}

// What is left of a file that was cut off lets nobody in by mistake, and keeps nobody out either.
TEST(PolicyText, AFileWithoutARuleIsAMistake) {
  for (const char* empty : {"", "\n\n", "# alice max-guests=1\n", "   \t\r\n"}) {
    const ParsedPolicy parsed = parse(empty);
    ASSERT_EQ(parsed.problems.size(), 1U);
    EXPECT_EQ(parsed.problems[0].line, 0U);
    EXPECT_THAT(parsed.problems[0].text, HasSubstr("no rule"));
  }
}

}  // namespace
}  // namespace samepage::dedup
