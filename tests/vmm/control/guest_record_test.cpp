// SPDX-License-Identifier: Apache-2.0
#include "vmm/control/guest_record.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.hpp"
#include "base/temporary_directory.hpp"

namespace samepage::vmm {
namespace {

namespace fs = std::filesystem;

class GuestRecordTest : public testing::Test {
 protected:
  static GuestRecord record_of(const std::string& name, const GuestRecord::End& end) {
    return {name, "tenant-a", "./a\xff kernel",
            4711, 2,          64U << 20,
            1000, end,        "last\nwords\0\xff" + std::string(1, '\0')};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const GuestRecord& record : records_.all()) names.push_back(record.name);
    return names;
  }

  const TemporaryDirectory directory_;
  const GuestRecords records_{directory_.path()};
};

TEST_F(GuestRecordTest, IsReadAsItWasWritten) {
  EXPECT_FALSE(records_.find("web"));
  EXPECT_TRUE(records_.all().empty());
  const GuestRecord written = record_of("web", {2000, 125, "failed", "a triple fault"});
  records_.put(written);
  const auto read = records_.find("web");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->domain, "tenant-a");
  EXPECT_EQ(read->image, "./a\xef\xbf\xbd kernel") << "a path may hold any bytes, JSON may not";
  EXPECT_EQ(read->pid, 4711);
  EXPECT_EQ(read->ram_bytes, 64U << 20);
  EXPECT_EQ(read->output, written.output);
  ASSERT_TRUE(read->end);
  EXPECT_EQ(read->end->at, 2000);
  EXPECT_EQ(read->end->exit_code, 125);
  EXPECT_EQ(read->end->reason, "a triple fault");
  struct stat info {};
  ASSERT_EQ(::stat((directory_.path() + "/ended/web").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "what a guest prints is its user's business";
}

TEST_F(GuestRecordTest, OneWithoutAnEndIsOfAProcessThatWasKilled) {
  GuestRecord record = record_of("web", {});
  record.end.reset();
  records_.put(record);
  const GuestRecord::End end = records_.find("web")->how_it_ended();
  EXPECT_EQ(end.how, "killed");
  EXPECT_EQ(end.exit_code, 137);
  EXPECT_EQ(end.at, 0);
}

TEST_F(GuestRecordTest, TheNameStartedAgainReplacesIt) {
  records_.put(record_of("web", {2000, 1, "exited", ""}));
  records_.put(record_of("web", {3000, 2, "exited", ""}));
  EXPECT_EQ(records_.find("web")->end->exit_code, 2);
  EXPECT_EQ(names().size(), 1U);
  records_.forget("web");
  records_.forget("web");
  EXPECT_FALSE(records_.find("web"));
}

TEST_F(GuestRecordTest, TheOldestGoAndThoseOfLiveGuestsStay) {
  fs::create_directory(directory_.path() + "/guests");
  std::ofstream(directory_.path() + "/guests/live.sock") << "";
  records_.put(record_of("live", {}));
  const auto age = [&](const std::string& name, int seconds) {
    fs::last_write_time(directory_.path() + "/ended/" + name,
                        fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
  };
  age("live", 100'000);
  for (std::size_t i = 0; i < GuestRecords::most + 2; ++i) {
    const std::string name = "g" + std::to_string(i);
    records_.put(record_of(name, {2000, 0, "exited", ""}));
    age(name, 10'000 - static_cast<int>(i));
  }
  EXPECT_EQ(names().size(), GuestRecords::most + 1);
  EXPECT_TRUE(records_.find("live"));
  EXPECT_FALSE(records_.find("g0"));
  EXPECT_FALSE(records_.find("g1"));
  EXPECT_EQ(names().back(), "g" + std::to_string(GuestRecords::most + 1))
      << "those that ended last come last";
}

TEST_F(GuestRecordTest, WhatIsNotARecordIsPassedOver) {
  records_.put(record_of("web", {}));
  std::ofstream(directory_.path() + "/ended/garbage") << "no JSON";
  std::ofstream(directory_.path() + "/ended/empty") << "";
  std::ofstream(directory_.path() + "/ended/other") << R"({"name": 7})"
                                                    << "\n";
  EXPECT_EQ(names(), std::vector<std::string>{"web"});
  EXPECT_FALSE(records_.find("../ended/web"));
  EXPECT_THROW(records_.put(record_of("../up", {})), UserError);
}

}  // namespace
}  // namespace samepage::vmm
