// SPDX-License-Identifier: Apache-2.0
#include "bench/options.hpp"

#include <gtest/gtest.h>

#include "base/check.hpp"
#include "bench/cases/cases.hpp"

namespace samepage::bench {
namespace {

Options parsed(std::vector<std::string> words) {
  std::string program = "samepage-bench";
  std::vector<char*> argv{program.data()};
  for (std::string& word : words) argv.push_back(word.data());
  CLI::App app;
  return parse_options(app, static_cast<int>(argv.size()), argv.data(), case_names());
}

TEST(BenchOptions, DefaultsAreThoseOfTheManual) {
  const Options options = parsed({"merge"});
  EXPECT_EQ(options.bench_case, "merge");
  EXPECT_EQ(options.runs, 3U);
  EXPECT_EQ(options.guests, 8U);
  EXPECT_FALSE(options.json || options.without_ksmd || options.without_samepage);
  EXPECT_EQ(options.smart_scan, SmartScan::off);
  EXPECT_EQ(options.disk, "/var/tmp");
  EXPECT_FALSE(options.without_swap || options.without_qemu);
  EXPECT_EQ(options.most, 256U);
  EXPECT_TRUE(options.sets.empty());
}

TEST(BenchOptions, TakesImagesKnobsAndPattern) {
  const Options options = parsed(
      {"all",     "a.ram", "b.ram",    "--json", "--knob",       "cpu=5",  "--knob",       "interval=9",
       "--zero",  "20",    "--common", "70",     "--own",        "10",     "--run-length", "3",
       "--limit", "7",     "--pages",  "99",     "--smart-scan", "--disk", "/tmp",         "--without-swap"});
  EXPECT_EQ(options.image_paths, (std::vector<std::string>{"a.ram", "b.ram"}));
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.knobs, (Knobs{{"cpu", "5"}, {"interval", "9"}}));
  EXPECT_EQ(options.pattern.zero_percent, 20);
  EXPECT_EQ(options.pattern.run_length, 3U);
  EXPECT_EQ(options.pattern.pages, PageCount{99});
  EXPECT_EQ(options.limit, std::chrono::seconds(7));
  EXPECT_EQ(options.disk, "/tmp");
  EXPECT_TRUE(options.without_swap);
  EXPECT_EQ(options.smart_scan, SmartScan::on);
}

TEST(BenchOptions, TakesSetsOneAfterTheOther) {
  const Options options = parsed({"--set", "folder", "merge", "--set", "generated:run=4,zero=9", "--alike",
                                  "3", "--spread-run-lengths", "--most", "16"});
  EXPECT_EQ(options.bench_case, "merge");
  EXPECT_EQ(options.sets, (std::vector<std::string>{"folder", "generated:run=4,zero=9"}));
  EXPECT_EQ(options.pattern.alike_percent, 3);
  EXPECT_EQ(options.pattern.lengths, RunLengths::spread);
  EXPECT_EQ(options.most, 16U);
}

TEST(BenchOptions, RefusesWhatMakesNoSense) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"marge"},
                                             {"merge", "--runs", "0"},
                                             {"merge", "--guests", "0"},
                                             {"merge", "--pages", "0"},
                                             {"merge", "--run-length", "0"},
                                             {"merge", "--zero", "-10"},
                                             {"merge", "--own", "101"},
                                             {"merge", "--limit", "-1"},
                                             {"ledger", "--disk", "/nonexistent"},
                                             {"scale", "--most", "0"},
                                             {"merge", "--fastest"}}) {
    EXPECT_THROW(parsed(words), CLI::ParseError) << (words.empty() ? "" : words.back());
  }
  EXPECT_THROW(parsed({"merge", "--knob", "cpu"}), UserError);
  EXPECT_THROW(parsed({"merge", "a.ram", "--set", "folder"}), UserError);
  EXPECT_THROW(parsed({"merge", "--without-ksmd", "--without-samepage"}), UserError);
}

TEST(BenchOptions, ImagesAreTheFilesOrGenerated) {
  EXPECT_EQ(images_of(parsed({"merge", "--guests", "3"})).size(), 3U);
  EXPECT_THROW(images_of(parsed({"merge", "/nonexistent/x.ram"})), UserError);
  EXPECT_THROW(images_of(parsed({"merge", "/dev/null"})), UserError);
  EXPECT_THROW(images_of(parsed({"merge", "--zero", "50", "--common", "50", "--own", "50"})), UserError);
}

}  // namespace
}  // namespace samepage::bench
