// SPDX-License-Identifier: Apache-2.0
// Queues as good drivers build them, and as no driver should: the device gives up, nothing else happens.
#include "vmm/devices/virtio/virtqueue.hpp"

#include "tests/vmm/devices/virtio/fake_driver.hpp"

namespace samepage::vmm::test {
namespace {

constexpr std::uint64_t data = FakeDriver::data;

class Queue : public testing::Test {
 protected:
  void SetUp() override { driver_.start(); }
  /// The device has given up, touched nothing of RAM but its status, and works again after a reset.
  void expect_refused() {
    const std::vector<std::byte> before(driver_.ram_.all().begin(), driver_.ram_.all().end());
    const int interrupts = driver_.interrupts_;
    driver_.serve();
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_GT(driver_.interrupts_, interrupts);
    EXPECT_EQ(driver_.finished(0), 0);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), driver_.ram_.all().begin()));
    EXPECT_TRUE(device_.seen.empty());
    driver_.start();
    echo("again");
  }
  void echo(const std::string& text) {
    const std::uint16_t before = driver_.finished(0);
    driver_.set_text(data, text);
    const auto length = static_cast<std::uint32_t>(text.size());
    driver_.request(0, {{data, length}, {data + 0x1000, length, write_flag}});
    driver_.serve();
    EXPECT_EQ(driver_.finished(0), static_cast<std::uint16_t>(before + 1));
    EXPECT_EQ(driver_.last_written(0), length);
    EXPECT_EQ(driver_.text(data + 0x1000, length), std::string(text.rbegin(), text.rend()));
  }

  Mirror device_;
  FakeDriver driver_{device_};
};

TEST_F(Queue, AChainComesBackWithTheAnswer) {
  echo("hello");
  EXPECT_EQ(driver_.interrupts_, 1);
  EXPECT_EQ(driver_.get(0x60), 1U);
}

TEST_F(Queue, WorksPastTheEndOfTheIndex) {
  for (int round = 0; round < 70'000; ++round) {
    driver_.request(0, {{data, 4}, {data + 64, 4, write_flag}}, static_cast<std::uint16_t>(round % 8 * 2));
    driver_.serve();
  }
  EXPECT_EQ(driver_.finished(0), 70'000 % 65'536);
}

TEST_F(Queue, BuffersInPieces) {
  driver_.set_text(data, "abcdef");
  driver_.request(
      0, {{data, 1}, {data + 1, 0}, {data + 1, 5}, {data + 64, 2, write_flag}, {data + 80, 4, write_flag}});
  driver_.serve();
  EXPECT_EQ(driver_.text(data + 64, 2) + driver_.text(data + 80, 4), "fedcba");
}

TEST_F(Queue, IndirectTableAfterADirectBuffer) {
  driver_.set_text(data, "abcd");
  driver_.ram_.put(data + 0x100, FakeDescriptor{data + 2, 2, next_flag, 2});
  driver_.ram_.put(data + 0x120, FakeDescriptor{data + 64, 4, write_flag, 0});
  driver_.request(0, {{data, 2}, {data + 0x100, 48, indirect_flag}});
  driver_.serve();
  EXPECT_EQ(driver_.text(data + 64, 4), "dcba");
}

TEST_F(Queue, OverlappingBuffersAreWrittenOneAfterTheOther) {
  driver_.set_text(data, "abcd");
  driver_.request(0, {{data, 4}, {data + 64, 2, write_flag}, {data + 64, 2, write_flag}});
  driver_.serve();
  EXPECT_EQ(driver_.text(data + 64, 2), "ba");
  EXPECT_FALSE(driver_.needs_reset());
}

TEST_F(Queue, ABufferOverTheRingsHarmsOnlyTheGuest) {
  driver_.set_text(data, std::string(0x10, '\xff'));
  driver_.request(0, {{data, 0x10}, {0, 0x10, write_flag}});  // descriptor 0 itself
  driver_.serve();
  EXPECT_EQ(driver_.finished(0), 1);
  driver_.offer(0, 0);
  driver_.serve();
  EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(Queue, LoopIsRefused) {
  driver_.put_descriptor(0, 0, {data, 4, next_flag, 1});
  driver_.put_descriptor(0, 1, {data, 4, next_flag, 0});
  driver_.offer(0, 0);
  expect_refused();
}

TEST_F(Queue, LoopInAnIndirectTableIsRefused) {
  driver_.ram_.put(data + 0x100, FakeDescriptor{data, 2, next_flag, 0});
  driver_.request(0, {{data + 0x100, 16, indirect_flag}});
  expect_refused();
}

TEST_F(Queue, ChainOfBothTablesLongerThanTheQueueIsRefused) {
  std::vector<FakeDescriptor> direct(14, {data, 1});
  for (std::uint16_t i = 0; i < 3; ++i) {
    driver_.ram_.put(data + 0x100 + 16U * i,
                     FakeDescriptor{data, 1, next_flag, static_cast<std::uint16_t>(i + 1)});
  }
  direct.push_back({data + 0x100, 64, indirect_flag});
  driver_.request(0, direct);
  expect_refused();
}

TEST_F(Queue, AChainOfExactlyTheQueuesSizeIsFine) {
  driver_.request(0, std::vector<FakeDescriptor>(16, {data, 1}));
  driver_.serve();
  EXPECT_EQ(driver_.finished(0), 1);
}

TEST_F(Queue, HeadBeyondTheQueueIsRefused) {
  driver_.offer(0, 16);
  expect_refused();
}

TEST_F(Queue, NextBeyondTheQueueIsRefused) {
  driver_.put_descriptor(0, 0, {data, 4, next_flag, 16});
  driver_.offer(0, 0);
  expect_refused();
}

TEST_F(Queue, NextBeyondAnIndirectTableIsRefused) {
  driver_.ram_.put(data + 0x100, FakeDescriptor{data, 2, next_flag, 1});
  driver_.request(0, {{data + 0x100, 16, indirect_flag}});
  expect_refused();
}

TEST_F(Queue, IndexThatRunsAheadIsRefused) {
  driver_.ram_.put<std::uint16_t>(0x8002, 17);
  expect_refused();
}

TEST_F(Queue, BuffersOutsideRamAreRefused) {
  const std::uint64_t end = FakeDriver::ram_bytes;
  for (const FakeDescriptor& bad : std::vector<FakeDescriptor>{{end, 1},
                                                               {end - 1, 2},
                                                               {end - 1, 0xffff'ffff},
                                                               {~std::uint64_t{0}, 1},
                                                               {~std::uint64_t{0} - 3, 8},
                                                               {std::uint64_t{1} << 63U, 16}}) {
    driver_.request(0, {bad});
    expect_refused();
    device_.seen.clear();
    driver_.start();
  }
}

TEST_F(Queue, IndirectTablesThatAreWrongAreRefused) {
  for (const FakeDescriptor& bad :
       std::vector<FakeDescriptor>{{data, 0, indirect_flag},
                                   {data, 24, indirect_flag},
                                   {FakeDriver::ram_bytes - 16, 32, indirect_flag},
                                   {data, 16, indirect_flag | next_flag, 0},
                                   {~std::uint64_t{0} - 7, 16, indirect_flag}}) {
    driver_.put_descriptor(0, 0, bad);
    driver_.offer(0, 0);
    expect_refused();
    device_.seen.clear();
    driver_.start();
  }
}

TEST_F(Queue, NestedIndirectTableIsRefused) {
  driver_.ram_.put(data + 0x100, FakeDescriptor{data + 0x200, 16, indirect_flag, 0});
  driver_.ram_.put(data + 0x200, FakeDescriptor{data, 1, 0, 0});
  driver_.request(0, {{data + 0x100, 16, indirect_flag}});
  expect_refused();
}

TEST_F(Queue, IndirectTableThatWasNotNegotiatedIsRefused) {
  driver_.start(feature_indirect);
  driver_.ram_.put(data + 0x100, FakeDescriptor{data, 1, 0, 0});
  driver_.request(0, {{data + 0x100, 16, indirect_flag}});
  expect_refused();
}

TEST_F(Queue, ReadableAfterWritableIsRefused) {
  driver_.request(0, {{data, 4, write_flag}, {data, 4}});
  expect_refused();
}

TEST_F(Queue, PlacesThatCannotBeAreRefused) {
  const FakeRam ram(0x1'0000);
  const QueuePlace good{16, {0}, {0x1000}, {0x2000}};
  EXPECT_FALSE(Virtqueue::check(good, ram));
  for (const auto& [place, fault] : std::vector<std::pair<QueuePlace, QueueFault>>{
           {{0, {0}, {0x1000}, {0x2000}}, QueueFault::bad_size},
           {{15, {0}, {0x1000}, {0x2000}}, QueueFault::bad_size},
           {{2048, {0}, {0x1000}, {0x2000}}, QueueFault::bad_size},
           {{16, {8}, {0x1000}, {0x2000}}, QueueFault::bad_address},
           {{16, {0}, {0x1001}, {0x2000}}, QueueFault::bad_address},
           {{16, {0}, {0x1000}, {0x2002}}, QueueFault::bad_address},
           {{16, {0xff10}, {0x1000}, {0x2000}}, QueueFault::bad_address},
           {{16, {0}, {0xfffe}, {0x2000}}, QueueFault::bad_address},
           {{16, {0}, {0x1000}, {~std::uint64_t{0} - 3}}, QueueFault::bad_address},
           {{16, {0}, {0xf0}, {0x2000}}, QueueFault::bad_address},
           {{16, {0}, {0x1000}, {0x1020}}, QueueFault::bad_address}}) {
    EXPECT_EQ(Virtqueue::check(place, ram), fault);
  }
}

TEST_F(Queue, InterruptsCanBeSuppressed) {
  driver_.start(feature_event_index);
  driver_.ram_.put<std::uint16_t>(0x8000, 1);  // no interrupts, please
  echo("quiet");
  EXPECT_EQ(driver_.interrupts_, 0);
  driver_.ram_.put<std::uint16_t>(0x8000, 0);
  echo("loud");
  EXPECT_EQ(driver_.interrupts_, 1);
}

TEST_F(Queue, EventIndexSaysWhichChainInterrupts) {
  driver_.ram_.put<std::uint16_t>(0x8000 + 4 + 2 * 16, 2);  // used_event: after the third
  echo("one");
  echo("two");
  EXPECT_EQ(driver_.interrupts_, 0);
  echo("three");
  EXPECT_EQ(driver_.interrupts_, 1);
  echo("four");
  EXPECT_EQ(driver_.interrupts_, 1);
}

TEST_F(Queue, EventIndexAsksForTheNextNotification) {
  echo("one");
  EXPECT_EQ(driver_.ram_.take<std::uint16_t>(0xc000 + 4 + 8 * 16), 1);
}

}  // namespace
}  // namespace samepage::vmm::test
