// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/balloon.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "tests/base/wait_until.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t data = FakeDriver::data;
constexpr std::uint64_t statistics_feature = 1U << 1U;
constexpr std::uint64_t reporting_feature = 1U << 5U;

class BalloonTest : public testing::Test {
 protected:
  void put_statistic(std::size_t number, std::uint16_t tag, std::uint64_t value) const {
    driver_.ram_.put(data + 10 * number, tag);
    driver_.ram_.put(data + 10 * number + 2, value);
  }

  std::vector<GfnRange> discarded_;
  bool answered_first_ = false;
  std::atomic<int> wakes_ = 0;
  Balloon device_{[this](std::span<const GfnRange> ranges) {
                    // The guest uses its pages again as soon as it is answered.
                    answered_first_ = answered_first_ || driver_.finished(0) != 0;
                    discarded_.insert(discarded_.end(), ranges.begin(), ranges.end());
                  },
                  [this] { ++wakes_; }};
  FakeDriver driver_{device_};
};

TEST_F(BalloonTest, InflatedPagesAreDiscardedBeforeTheAnswer) {
  driver_.start();
  for (std::uint32_t i = 0; const std::uint32_t number : {7U, 9U, 8U, 200U, 7U}) {
    driver_.ram_.put(data + 4 * i++, number);
  }
  driver_.request(0, {{data, 20}});
  driver_.serve();
  EXPECT_THAT(discarded_, ElementsAre(GfnRange{Gfn{7}, PageCount{3}}, GfnRange{Gfn{200}, PageCount{1}}));
  EXPECT_FALSE(answered_first_);
  EXPECT_EQ(driver_.finished(0), 1);
}

TEST_F(BalloonTest, ReportedPagesAreDiscardedWholePagesOnly) {
  driver_.start();
  driver_.request(
      3, {{0x20'0000, 0x10'0000, write_flag}, {0x10'0001, 0x1fff, write_flag}, {0x1800, 0x900, write_flag}});
  driver_.serve();
  EXPECT_THAT(discarded_,
              ElementsAre(GfnRange{Gfn{0x200}, PageCount{0x100}}, GfnRange{Gfn{0x101}, PageCount{1}}));
  EXPECT_EQ(driver_.finished(3), 1);
  EXPECT_EQ(device_.figures().reported_bytes, 0x10'1000U);
}

TEST_F(BalloonTest, QueuesAreNumberedWithoutGaps) {
  driver_.start(statistics_feature);
  driver_.request(2, {{0x20'0000, 0x1000, write_flag}});
  driver_.serve();
  EXPECT_THAT(discarded_, ElementsAre(GfnRange{Gfn{0x200}, PageCount{1}}));
}

TEST_F(BalloonTest, WithoutReportingNothingIsReported) {
  driver_.start(reporting_feature);
  driver_.request(3, {{0x20'0000, 0x1000, write_flag}});
  driver_.serve();
  EXPECT_TRUE(discarded_.empty());
}

TEST_F(BalloonTest, TheTargetIsConfiguration) {
  driver_.start();
  device_.set_target(std::uint64_t{64} << 20U);
  EXPECT_EQ(wakes_, 1);
  const int before = driver_.interrupts_;
  driver_.serve();
  EXPECT_EQ(driver_.interrupts_, before + 1);
  EXPECT_EQ(driver_.get(0x100), 16384U);
  driver_.set(0x104, 77);
  EXPECT_EQ(driver_.get(0x104), 77U);
  EXPECT_EQ(device_.figures().actual_bytes, 77U * 4096);
  EXPECT_EQ(device_.figures().target_bytes, 64U << 20U);
  driver_.set(0x100, 5);  // the target is not the guest's
  EXPECT_EQ(driver_.get(0x100), 16384U);
}

TEST_F(BalloonTest, StatisticsAreAskedForWhenSomebodyWantsThem) {
  driver_.start();
  put_statistic(0, 4, 1000);
  put_statistic(1, 5, 2000);
  put_statistic(2, 4711, 1);  // of a later standard
  driver_.request(2, {{data, 30}});
  driver_.serve();
  EXPECT_EQ(driver_.finished(2), 0);  // kept until new ones are wanted
  std::jthread guest([&] {
    wait_until("the guest is asked", [&] { return wakes_ != 0; });
    driver_.serve();
    ASSERT_EQ(driver_.finished(2), 1);
    put_statistic(0, 4, 999);
    driver_.request(2, {{data, 25}});  // a part of one is left out
    driver_.serve();
  });
  const BalloonFigures figures = device_.figures();
  EXPECT_EQ(figures.statistics.values[4], 999U);
  EXPECT_EQ(figures.statistics.values[5], 2000U);
  EXPECT_FALSE(figures.statistics.values[0]);
}

TEST_F(BalloonTest, AChainOfStatisticsDoesNotOutliveAReset) {
  driver_.start();
  driver_.request(2, {{data, 10}});
  driver_.serve();
  driver_.start();
  static_cast<void>(device_.figures());
  driver_.serve();
  EXPECT_EQ(driver_.finished(2), 0);
}

TEST_F(BalloonTest, AnotherOneGoesOnWithItsFiguresAndTheChainItHolds) {
  driver_.start();
  device_.set_target(std::uint64_t{64} << 20U);
  driver_.set(0x104, 77);
  driver_.request(3, {{0x20'0000, 0x1000, write_flag}});
  put_statistic(0, 4, 1000);
  driver_.request(2, {{data, 10}});
  driver_.serve();
  EXPECT_EQ(driver_.finished(2), 0);
  std::atomic<int> wakes = 0;
  Balloon other([](std::span<const GfnRange>) {}, [&wakes] { ++wakes; });
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  driver.serve();
  EXPECT_EQ(driver.get(0x100), 16384U);
  EXPECT_EQ(driver.get(0x104), 77U);
  std::jthread guest([&] {
    wait_until("the guest is asked", [&] { return wakes != 0; });
    driver.serve();  // gives the chain back that it holds
    ASSERT_EQ(driver.finished(2), 1);
    driver.ram_.put<std::uint64_t>(data + 2, 999);
    driver.request(2, {{data, 10}});
    driver.serve();
  });
  const BalloonFigures figures = other.figures();
  EXPECT_EQ(figures.actual_bytes, 77U * 4096);
  EXPECT_EQ(figures.reported_bytes, 0x1000U);
  EXPECT_EQ(figures.statistics.values[4], 999U);
}

TEST_F(BalloonTest, ATargetThatTheGuestWasNotToldOfIsToldByTheOther) {
  driver_.start();
  device_.set_target(4096);
  Balloon other([](std::span<const GfnRange>) {}, [] {});
  FakeDriver driver(other);
  ASSERT_EQ(driver.go_on_from(driver_), "");
  driver.serve();
  EXPECT_EQ(driver.get(0x60), VirtioState::configuration_change);
}

TEST_F(BalloonTest, EachFigureIsPartOfTheState) {
  BalloonState state{1, 2, true, 3, {}};
  state.statistics[9] = 4;
  EXPECT_FALSE(device_.restore(state));
  EXPECT_EQ(device_.save(), DeviceState(state));
  EXPECT_TRUE(device_.restore(NoState{}));
}

}  // namespace
}  // namespace samepage::vmm::test
