// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/system/host.hpp"

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

}  // namespace
}  // namespace samepage::system_test
