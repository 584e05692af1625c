// SPDX-License-Identifier: Apache-2.0
// samepage-bench as a person uses it, our side alone and on few pages. No figure is held against a limit of
// time; those that must be what they are, whatever the host does, are.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/json.hpp"

namespace {

using nlohmann::json;

struct Outcome {
  int code = 0;
  std::string output;
};

Outcome bench(const std::string& arguments) {
  const std::string command = std::string(SAMEPAGE_BUILD_DIR) + "/bin/samepage-bench " + arguments;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  Outcome outcome;
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) outcome.output += part.data();
  const int status = ::pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

json report_of(const std::string& bench_case, const std::string& options = "", unsigned pages = 512) {
  const Outcome outcome = bench(fmt::format(
      "{} --without-ksmd --json --runs 1 --rounds 1 --guests 2 --pages {} {}", bench_case, pages, options));
  EXPECT_EQ(outcome.code, 0) << "what it wrote to stderr says why";
  return json::parse(outcome.output, nullptr, false);
}

json rows_of(const std::string& bench_case, const std::string& options = "", unsigned pages = 512) {
  const json report = report_of(bench_case, options, pages);
  return report.is_object() ? report.value("rows", json::array()) : json::array();
}

double figure(const json& rows, const std::string& metric) {
  for (const json& row : rows) {
    if (row.at("metric") == metric) return row.at("samepage");
  }
  ADD_FAILURE() << "no row of " << metric;
  return 0;
}

TEST(SamepageBench, MergeTellsWhatItWasMeasuredOn) {
  const json report = report_of("merge");
  const json& set = report.at("set");
  EXPECT_EQ(set.at("guests"), 2);
  EXPECT_EQ(set.at("pages"), 1024);
  EXPECT_EQ(set.at("zero_pages"), 512);
  EXPECT_EQ(set.at("saved_pages"), 512 + 179);
  EXPECT_GT(report.at("floor").at("total"), 0);
  EXPECT_GT(figure(report.at("rows"), "CPU, of the floor"), 0);
}

TEST(SamepageBench, MergeFindsAllDuplicates) {
  const json rows = rows_of("merge");
  EXPECT_EQ(figure(rows, "saved"), (512 + 179) * 4096.0 / (1 << 20));
  EXPECT_EQ(figure(rows, "exact duplicates merged"), 100);
  EXPECT_GT(figure(rows, "CPU"), 0);
  EXPECT_GT(figure(rows, "metadata a tracked page"), 0);
}

TEST(SamepageBench, EachSetHasFiguresOfItsOwn) {
  const json report = report_of("merge", "--set generated:zero=30,common=50,run=4 --set generated:alike=10");
  const json& sets = report.at("sets");
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0].at("name"), "generated:zero=30,common=50,run=4");
  EXPECT_EQ(sets[0].at("set").at("frames"), 256);
  EXPECT_EQ(sets[1].at("set").at("frames"), 179);
  for (const json& set : sets) {
    EXPECT_GT(set.at("floor").at("total"), 0);
    EXPECT_EQ(figure(set.at("rows"), "exact duplicates merged"), 100);
  }
}

TEST(SamepageBench, ScaleTakesMoreAndMoreGuests) {
  const json rows = rows_of("scale", "--most 16");
  EXPECT_GT(figure(rows, "CPU a page, 4 guests"), 0);
  EXPECT_EQ(figure(rows, "duplicates merged, 4 guests"), 256 + 179 * 3 / 4.0);
  EXPECT_EQ(figure(rows, "duplicates merged, 16 guests"), 256 + 179 * 15 / 16.0);
}

TEST(SamepageBench, IdleHasARowForEachShareOfWrites) {
  const json rows = rows_of("idle");
  for (const std::string share : {"0", "1", "10"}) {
    EXPECT_GT(figure(rows, "CPU of a pass, " + share + " % written"), 0);
  }
}

TEST(SamepageBench, ConvergeReachesWhatCanBeShared) {
  const json rows = rows_of("converge");
  EXPECT_GT(figure(rows, "time to 95 %, fastest"), 0);
  EXPECT_GT(figure(rows, "time to 90 %, default knobs"), 0);
}

TEST(SamepageBench, BreakTimesWritesThatFault) {
  EXPECT_GT(figure(rows_of("break"), "page read before, p50"), 0);
}

TEST(SamepageBench, TouchTimesPagesThatAreOutBesideAPlainFile) {
  const json rows = rows_of("touch");
  for (const std::string kind : {"read", "write"}) {
    EXPECT_GT(figure(rows, kind + " from cache, p50"), 0);
    EXPECT_GT(figure(rows, kind + " from cache, plain file, p99"), 0);
  }
}

TEST(SamepageBench, BesideMeasuresTheOneThatWorks) {
  const json rows = rows_of("beside");
  EXPECT_GT(figure(rows, "work done"), 0);
  EXPECT_GT(figure(rows, "others went out"), 0);
}

TEST(SamepageBench, LedgerHasAllOfTheMemory) {
  const json rows = rows_of("ledger", "--without-swap");
  EXPECT_EQ(figure(rows, "pages of all guests"), 4);
  EXPECT_EQ(figure(rows, "zero: neither memory nor disk"), 2);
  EXPECT_GE(figure(rows, "slots in paging files"), 0.5) << "their own pages";
  EXPECT_GT(figure(rows, "metadata of daemon and agents a page"), 0);
}

// Real guests.
class LiveCases : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/kvm can't be used";
  }
  static constexpr const char* few = "--forks 2 --clones 3";
};

TEST_F(LiveCases, ForkMergesAgainWhatDivergedAndBecameEqual) {
  const json rows = rows_of("fork", few);
  EXPECT_GE(figure(rows, "first fork: pages copied"), 512);
  EXPECT_LT(figure(rows, "pages copied, p50"), 256);
  EXPECT_GT(figure(rows, "parent held, p99"), 0);
  EXPECT_GT(figure(rows, "request until the clone runs, p50"), 0);
  EXPECT_GT(figure(rows, "memory of a clone: Pss"), 0);
  EXPECT_GE(figure(rows, "became equal in all clones: merged again"), 99);
  EXPECT_GE(figure(rows, "became what it was: merged again"), 99);
}

TEST_F(LiveCases, RestoreAndRollbackComeToAnEnd) {
  const json restore = rows_of("restore", few);
  EXPECT_GT(figure(restore, "command until the guest runs, p50"), 0);
  EXPECT_GT(figure(restore, "guests of one command"), 0);
  const json rollback = rows_of("rollback", few);
  EXPECT_GT(figure(rollback, "nothing written, p50"), 0);
  EXPECT_GT(figure(rollback, "with those, p50"), 0);
}

TEST_F(LiveCases, SuspendGivesMemoryBackAndTheGuestAnswersAgain) {
  // Enough of them that what else a process has, a sanitizer's memory above all, is not most of it.
  const json rows = rows_of("suspend", "", 32768);
  EXPECT_GT(figure(rows, "memory given back: Pss_Anon"), 10);
  EXPECT_GT(figure(rows, "resume to its first answer"), 0);
  EXPECT_GT(figure(rows, "only paused: resume until all its memory was read"), 0);
}

TEST_F(LiveCases, LatencyHasAllPercentilesAloneAndBesideMerging) {
  const json rows = rows_of("latency");
  for (const std::string percent : {"p50", "p99", "p99.9"}) {
    EXPECT_GT(figure(rows, percent + ", alone"), 0);
    EXPECT_GT(figure(rows, percent + ", default knobs"), 0);
    EXPECT_GT(figure(rows, percent + " : alone, fastest"), 0);
  }
  EXPECT_GE(figure(rows, "p99, alone"), figure(rows, "p50, alone"));
  EXPECT_GT(figure(rows, "CPU of merging, fastest"), 0) << "nothing was merged beside it";
}

TEST_F(LiveCases, ManyTellsWhatAGuestTakes) {
  const json rows = rows_of("many", "--most 4 --without-qemu");
  EXPECT_GT(figure(rows, "4 guests: started"), 0);
  EXPECT_GT(figure(rows, "4 guests: Pss"), 0);
  EXPECT_GT(figure(rows, "4 guests: stat"), 0);
  figure(rows, "4 guests: kernel slab");  // is there
}

TEST(SamepageBench, WhatWasMeasuredBeforeAnErrorIsPrinted) {
  const Outcome outcome = bench(
      "all --without-ksmd --json --runs 1 --rounds 1 --guests 1 --pages 64 2>/dev/null");  // converge can't
  EXPECT_EQ(outcome.code, 1);
  const json report = json::parse(outcome.output, nullptr, false);
  ASSERT_TRUE(report.is_object()) << outcome.output;
  EXPECT_EQ(report.at("rows").at(0).at("case"), "merge");
}

TEST(SamepageBench, ErrorsNameTheWayOut) {
  const Outcome alone = bench("converge --without-ksmd --guests 1 2>&1");
  EXPECT_EQ(alone.code, 1);
  EXPECT_NE(alone.output.find("two images at least"), std::string::npos) << alone.output;
  const Outcome missing = bench("merge --without-ksmd /nonexistent.ram 2>&1");
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.output.find("make-linux-images"), std::string::npos) << missing.output;
  const Outcome set = bench("merge --without-ksmd --set generated:runs=4 2>&1");
  EXPECT_EQ(set.code, 1);
  EXPECT_NE(set.output.find("zero-run"), std::string::npos) << set.output;
  EXPECT_EQ(bench("marge 2>&1").code, 2);
  EXPECT_EQ(bench("merge --without-ksmd --without-samepage 2>&1").code, 2);
  EXPECT_EQ(bench("--help 2>&1").code, 0);
}

}  // namespace
