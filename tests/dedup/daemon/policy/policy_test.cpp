// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/policy/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/types.hpp"
#include "dedup/daemon/admission.hpp"

namespace samepage::dedup {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uid_t root = 0, alice = 1001, bob = 1002;

class PolicyRules : public testing::Test {
 protected:
  PolicyRules() {
    rule_.domains = {"lab-*", "web"};
    rule_.max_domains = 2;
    rule_.max_guests = 3;
    rule_.max_ram = 1000;
  }

  [[nodiscard]] std::optional<std::string> refusal(const PolicyApplicant& applicant) const {
    const Policy policy{"/etc/policy", {{alice, rule_}}, others_};
    return policy.refusal_of(applicant);
  }
  // A guest of alice's that may join, if nothing is changed.
  static PolicyApplicant guest() {
    return {.uid = alice,
            .label = "lab-1",
            .ram = 400,
            .guests_of_user = 2,
            .ram_of_user = 600,
            .domains_of_user = 1};
  }

  PolicyRule rule_{"alice", 3};
  std::optional<PolicyRule> others_;
};

TEST_F(PolicyRules, WhatIsAllowedJoins) {
  EXPECT_FALSE(refusal(guest()));
}

TEST_F(PolicyRules, ARefusalNamesTheFileTheLineAndTheUser) {
  PolicyApplicant other = guest();
  other.label = "default";
  EXPECT_THAT(refusal(other).value(),
              AllOf(HasSubstr("/etc/policy, line 3"), HasSubstr("user alice"),
                    HasSubstr("domains=lab-*,web and not 'default'"), HasSubstr("--domain")));
}

TEST_F(PolicyRules, NoMoreGuestsThanItSays) {
  PolicyApplicant more = guest();
  more.guests_of_user = 3;
  EXPECT_THAT(refusal(more).value(), HasSubstr("max-guests=3"));
  more.guests_of_user = 100;  // there were more before somebody lowered it
  EXPECT_TRUE(refusal(more));
  rule_.max_guests = 0;
  EXPECT_THAT(refusal(guest()).value(), HasSubstr("no guests here"));
}

TEST_F(PolicyRules, NoMoreRamThanItSays) {
  PolicyApplicant larger = guest();
  larger.ram = 401;
  EXPECT_THAT(refusal(larger).value(), AllOf(HasSubstr("max-ram"), HasSubstr("--mem")));
  larger = guest();
  larger.ram_of_user = ~std::uint64_t{0};
  EXPECT_TRUE(refusal(larger)) << "a sum that does not fit is not small";
}

TEST_F(PolicyRules, NoMoreDomainsThanItSays) {
  PolicyApplicant another = guest();
  another.domains_of_user = 2;
  EXPECT_THAT(refusal(another).value(), HasSubstr("max-domains=2"));
  another.in_domain = true;
  EXPECT_FALSE(refusal(another)) << "it is one of the two";
}

TEST_F(PolicyRules, AUserWithoutARuleIsKeptOut) {
  PolicyApplicant bobs = guest();
  bobs.uid = bob;
  EXPECT_THAT(refusal(bobs).value(), AllOf(HasSubstr("no rule for user 1002"), HasSubstr("/etc/policy")));
  others_ = PolicyRule{"*", 9, {}, {}, 2};
  EXPECT_THAT(refusal(bobs).value(),
              AllOf(HasSubstr("line 9"), HasSubstr("user 1002"), HasSubstr("max-guests=2")));
  bobs.guests_of_user = 1;
  EXPECT_FALSE(refusal(bobs));
  others_->max_guests = 0;
  EXPECT_FALSE(refusal(guest())) << "alice has a rule of her own";
}

TEST_F(PolicyRules, TrustedUsersAreBoundByARuleThatNamesThemAlone) {
  others_ = PolicyRule{"*", 9, {}, {}, 0};
  PolicyApplicant trusted = guest();
  trusted.uid = root;
  trusted.trusted = true;
  EXPECT_FALSE(refusal(trusted));
  others_.reset();
  EXPECT_FALSE(refusal(trusted));
  trusted.uid = alice;
  trusted.guests_of_user = 3;
  EXPECT_TRUE(refusal(trusted));
}

TEST_F(PolicyRules, WhatTheDaemonHoldsForAUserIsTheRulesWhereItHasOne) {
  AdmissionRules rules;
  rules.trusted = {root};
  rules.user_memory = 500;
  rule_.max_held = 70;
  rules.policy = Policy{"/etc/policy", {{alice, rule_}}, PolicyRule{"*", 9}};
  EXPECT_EQ(rules.memory_of(alice), 70U);
  EXPECT_EQ(rules.memory_of(bob), 500U);
  EXPECT_EQ(rules.memory_of(root), Account::unlimited);
}

TEST_F(PolicyRules, PagesAreCountedAsBytes) {
  AdmissionRules rules;
  rules.trusted = {root};
  rule_.max_ram = 10 * page_size;
  rules.policy = Policy{"/etc/policy", {{alice, rule_}}};
  Applicant applicant{.uid = alice, .pages = 4, .label = "web", .pages_of_user = 6};
  EXPECT_FALSE(keep_out(rules, applicant));
  applicant.pages = 5;
  EXPECT_TRUE(keep_out(rules, applicant));
}

}  // namespace
}  // namespace samepage::dedup
