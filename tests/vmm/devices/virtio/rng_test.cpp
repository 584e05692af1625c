// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/rng.hpp"

#include <set>

#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

constexpr std::uint64_t data = FakeDriver::data;

TEST(Rng, FillsBuffersWithSomethingElseEachTime) {
  Rng device;
  FakeDriver driver(device);
  driver.start();
  std::set<std::string> seen;
  for (int round = 0; round < 50; ++round) {
    driver.request(0, {{data, 8, write_flag}, {data + 32, 8, write_flag}});
    driver.serve();
    EXPECT_EQ(driver.last_written(0), 16U);
    EXPECT_TRUE(seen.insert(driver.text(data, 8)).second);
    EXPECT_TRUE(seen.insert(driver.text(data + 32, 8)).second);
  }
}

TEST(Rng, GivesLongRequestsAPart) {
  Rng device;
  FakeDriver driver(device);
  driver.start();
  driver.request(0, {{data, 1'000'000, write_flag}});
  driver.serve();
  EXPECT_EQ(driver.last_written(0), 256U);
  EXPECT_EQ(driver.text(data + 256, 64), std::string(64, '\0'));
}

TEST(Rng, ARequestForNothingNeedsAReset) {
  Rng device;
  FakeDriver driver(device);
  driver.start();
  driver.request(0, {{data, 8}});
  driver.serve();
  EXPECT_TRUE(driver.needs_reset());
}

TEST(Rng, ARequestThatWasNotAnsweredIsAnsweredByTheOther) {
  Rng device;
  FakeDriver parent(device);
  parent.start();
  parent.request(0, {{data, 16, write_flag}});
  Rng other;
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(parent), "");
  driver.serve();
  EXPECT_EQ(driver.last_written(0), 16U);
  EXPECT_TRUE(other.restore(BlockState{}));
}

}  // namespace
}  // namespace samepage::vmm::test
