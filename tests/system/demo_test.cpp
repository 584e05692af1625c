// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/system/host.hpp"
#include "tests/system/process.hpp"

namespace samepage::system_test {
namespace {

class Demo : public Host {};

TEST_F(Demo, FindsAllDuplicatesAndTheKernelAgrees) {
  const auto demo = ask({"demo", "--guests", "4", "--mem", "32M"});
  ASSERT_TRUE(demo.is_object());
  EXPECT_EQ(demo.at("guests").size(), 4U);
  EXPECT_EQ(demo.at("ram_bytes"), 4 * (32U << 20));
  EXPECT_GE(demo.at("duplicates_found_percent").get<double>(), 99.0);
  EXPECT_LE(demo.at("duplicates_found_percent").get<double>(), 100.0);
  const double saved = demo.at("net_saved_bytes").get<double>();
  const double drop =
      demo.at("kernel_before_bytes").get<double>() - demo.at("kernel_after_bytes").get<double>();
  EXPECT_GT(saved, 0);
  EXPECT_NEAR(saved, drop, 0.05 * drop);
}

TEST_F(Demo, EndsWithOneLineForPeopleAndWritesAReport) {
  const std::string page = directory_ + "/demo.html";
  const Finished demo = samepage({"demo", "--guests", "3", "--mem", "32M", "--report", page});
  ASSERT_EQ(demo.code, 0) << demo.err;
  std::ifstream file(page);
  EXPECT_NE(std::string(std::istreambuf_iterator<char>(file), {}).find("Samepage demo"), std::string::npos);
  const std::string last = demo.out.substr(demo.out.rfind('\n', demo.out.size() - 2) + 1);
  EXPECT_TRUE(last.starts_with("net saved: ")) << last;
  EXPECT_NE(last.find("duplicates found: "), std::string::npos) << last;
}

TEST_F(Demo, ClonesAnswerWithWhatTheirParentHadAndAsThemselves) {
  const auto demo = ask({"demo", "--fork", "--guests", "3", "--mem", "16M"});
  ASSERT_TRUE(demo.is_object());
  EXPECT_GT(demo.at("cold_start_ms").get<double>(), demo.at("held_ms").get<double>());
  std::set<std::string> generations{demo.at("generation").get<std::string>()};
  for (const auto& clone : demo.at("clones")) {
    EXPECT_TRUE(clone.at("warm").get<bool>());
    EXPECT_GT(clone.at("pss_bytes").get<std::uint64_t>(), clone.at("pss_anon_bytes").get<std::uint64_t>());
    generations.insert(clone.at("generation").get<std::string>());
  }
  EXPECT_EQ(generations.size(), 4U) << "a generation ID of its own in each";
  EXPECT_GE(demo.at("rollback").at("pages").get<std::uint64_t>(), 1000U);
  EXPECT_TRUE(demo.at("rollback").at("warm").get<bool>());
}

TEST_F(Demo, OfForksPrintsTablesOfEightyColumnsAndLeavesNothing) {
  const Finished demo = samepage({"demo", "--fork", "--guests", "3", "--mem", "16M"});
  ASSERT_EQ(demo.code, 0) << demo.err;
  EXPECT_NE(demo.out.find("3 clones in "), std::string::npos) << demo.out;
  std::istringstream lines(demo.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
  EXPECT_EQ(samepage({"demo", "--fork", "--report", directory_ + "/x.html"}).code, 2);
}

TEST_F(Demo, OfForksThatIsInterruptedLeavesNothing) {
  Process demo({program("samepage"), "demo", "--fork", "--guests", "3", "--mem", "512M"}, -1, -1);
  wait_until("the demo has a guest", [&] { return !leftovers().empty(); });
  demo.signal(SIGINT);
  EXPECT_EQ(demo.wait(), 128 + SIGINT);
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace samepage::system_test
