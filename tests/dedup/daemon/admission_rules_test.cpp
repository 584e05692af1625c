// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/types.hpp"
#include "dedup/daemon/admission.hpp"

namespace samepage::dedup {
namespace {

using testing::HasSubstr;

constexpr uid_t root = 0, user = 1000;

AdmissionRules rules() {
  AdmissionRules rules;
  rules.trusted = {root};
  rules.user_memory = 1000;
  rules.user_guests = 3;
  rules.process_guests = 2;
  rules.user_pending = 5;
  return rules;
}

Applicant applicant(uid_t uid, std::ptrdiff_t guests) {
  return {
      .uid = uid, .pid = 77, .pages = 10, .host_pages = 10, .guests_of_process = 0, .guests_of_user = guests};
}

TEST(AdmissionRules, AUserHasSoManyGuestsAndNoMore) {
  EXPECT_FALSE(refuse_guest(rules(), applicant(user, 2)));
  EXPECT_THAT(refuse_guest(rules(), applicant(user, 3)).value(), HasSubstr("--user-guests"));
}

TEST(AdmissionRules, TrustedUsersHaveNoLimits) {
  EXPECT_FALSE(refuse_guest(rules(), applicant(root, 3)));
  EXPECT_EQ(rules().memory_of(root), Account::unlimited);
  EXPECT_EQ(rules().memory_of(user), 1000U);
}

TEST(AdmissionRules, AProcessJoinsSoOftenWhoeverItIs) {
  Applicant again = applicant(root, 1);
  again.guests_of_process = 1;
  EXPECT_FALSE(refuse_guest(rules(), again));
  again.guests_of_process = 2;
  EXPECT_THAT(refuse_guest(rules(), again).value(), HasSubstr("process 77"));
}

TEST(AdmissionRules, RamIsPromisedUpToTheLimit) {
  Applicant guest = applicant(root, 0);
  guest.charge = {.bytes = 6 * page_size, .limit = 16 * page_size};
  EXPECT_FALSE(refuse_guest(rules(), guest));
  guest.charge.bytes += 1;
  EXPECT_THAT(refuse_guest(rules(), guest).value(), HasSubstr("overcommit"));
  guest.charge.bytes = 1000 * page_size;  // more than that was promised before somebody lowered it
  EXPECT_TRUE(refuse_guest(rules(), guest));
  guest.charge.limit = 0;
  EXPECT_FALSE(refuse_guest(rules(), guest)) << "no bound";
}

TEST(AdmissionRules, AGuestIsNotLargerThanTheHost) {
  Applicant large = applicant(root, 0);
  large.pages = 11;
  EXPECT_THAT(refuse_guest(rules(), large).value(), HasSubstr("--mem"));
}

TEST(AdmissionRules, ConnectionsThatWaitAreLimitedForAll) {
  EXPECT_FALSE(refuse_connection(rules(), root, 4));
  EXPECT_THAT(refuse_connection(rules(), root, 5).value(), HasSubstr("5 connections"));
}

TEST(AdmissionRules, UsersThatCannotBeToldApartAreRefused) {
  AdmissionRules mapped = rules();
  EXPECT_FALSE(refuse_user(mapped, 65534));
  mapped.unmapped_uid = 65534;
  EXPECT_THAT(refuse_user(mapped, 65534).value(), HasSubstr("SAMEPAGE_SOCKET"));
  EXPECT_FALSE(refuse_user(mapped, user));
}

TEST(AdmissionRules, WhatTheDaemonLacksIsNamedWithAWayOut) {
  const auto failed = [](std::errc code) { return std::system_error(std::make_error_code(code), "call"); };
  EXPECT_THAT(why_not_joined(failed(std::errc::too_many_files_open)), HasSubstr("ulimit -n"));
  EXPECT_THAT(why_not_joined(failed(std::errc::not_enough_memory)), HasSubstr("ulimit -v"));
  EXPECT_THAT(why_not_joined(std::bad_alloc()), HasSubstr("ulimit -v"));
  EXPECT_THAT(why_not_joined(failed(std::errc::io_error)), HasSubstr("call"));
  EXPECT_EQ(why_not_joined(UserError("told already")), "told already");
}

TEST(Promises, ThatAreMoreThanMayBeAreRefused) {
  const AdmissionRules some = rules();
  EXPECT_EQ(refuse_promise(some, {.uid = 0, .pages = 100, .promises_of_user = 9}), std::nullopt);
  const CommitCharge charge{50 * page_size, 100 * page_size};
  EXPECT_EQ(refuse_promise(some, {.uid = 0, .pages = 50, .charge = charge}), std::nullopt);
  EXPECT_THAT(refuse_promise(some, {.uid = 0, .pages = 51, .charge = charge}).value(),
              HasSubstr("overcommit"));
  EXPECT_EQ(refuse_promise(some, {.uid = 7, .pages = 50, .promises_of_user = 2}), std::nullopt);
  EXPECT_THAT(refuse_promise(some, {.uid = 7, .pages = 50, .promises_of_user = 3}).value(),
              HasSubstr("--user-guests"));
}

}  // namespace
}  // namespace samepage::dedup
