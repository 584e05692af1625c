// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/paging/slot_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <future>
#include <thread>
#include <utility>

#include "base/file_bytes.hpp"
#include "base/open_again.hpp"
#include "base/types.hpp"
#include "base/unnamed_file.hpp"
#include "tests/base/other_threads.hpp"
#include "tests/base/wait_until.hpp"
#include "tests/dedup/daemon/paging/full_disks.hpp"
#include "tests/dedup/daemon/paging/refused_calls.hpp"

namespace samepage::dedup {
namespace {

using Slots = std::shared_ptr<const UniqueFd>;

Slots file() {
  return std::make_shared<const UniqueFd>(unnamed_file("a test"));
}

SlotWriter::Run run_of(std::uint64_t offset, std::size_t size, char letter) {
  return {offset, std::vector(size, static_cast<std::byte>(letter))};
}

char at(const Slots& slots, std::uint64_t offset) {
  std::byte byte{};
  EXPECT_EQ(read_fully(slots->get(), offset, {&byte, 1}), 1);
  return static_cast<char>(byte);
}

// What done() is told.
int outcome(SlotWriter& writer, Slots slots, std::vector<SlotWriter::Run> runs) {
  std::promise<int> told;
  std::future<int> error = told.get_future();
  writer.add({std::move(slots), std::move(runs), [&](int with) { told.set_value(with); }});
  return error.get();
}

std::vector<SlotWriter::Run> one(SlotWriter::Run run) {
  std::vector<SlotWriter::Run> runs;
  runs.push_back(std::move(run));
  return runs;
}

TEST(SlotWriter, RunsAreWrittenWhereTheyBelong) {
  SlotWriter writer;
  const Slots slots = file();
  std::vector<SlotWriter::Run> runs = one(run_of(5 * page_size, 2 * page_size, 'b'));
  runs.push_back(run_of(0, page_size, 'a'));
  runs.push_back(run_of(9 * page_size, 0, 'c'));
  EXPECT_EQ(outcome(writer, slots, std::move(runs)), 0);
  EXPECT_EQ(at(slots, page_size - 1), 'a');
  EXPECT_EQ(at(slots, page_size), '\0');
  EXPECT_EQ(at(slots, 5 * page_size), 'b');
  EXPECT_EQ(at(slots, 7 * page_size - 1), 'b');
  EXPECT_EQ(writer.waiting_bytes(), 0U);
  EXPECT_EQ(outcome(writer, slots, {}), 0);
}

TEST(SlotWriter, JobsAreDoneOneAfterTheOther) {
  SlotWriter writer;
  const Slots slots = file();
  std::vector<int> order;  // of the writer's thread until the last one is done
  std::promise<void> last;
  for (int i = 0; i < 26; ++i) {
    writer.add(
        {slots, one(run_of(0, page_size, static_cast<char>('a' + i))), [&order, &slots, &last, i](int error) {
           EXPECT_EQ(error, 0);
           EXPECT_EQ(at(slots, 0), static_cast<char>('a' + i));
           order.push_back(i);
           if (i == 25) last.set_value();
         }});
  }
  wait_for(last, "the last job");
  ASSERT_EQ(order.size(), 26U);
  for (int i = 0; i < 26; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

// Nobody waits that long: what does not come is not written.
TEST(SlotWriter, WhatIsBeyondTheRateWaitsAndTheEndDoesNot) {
  const auto rate = std::make_shared<WriteRate>();
  rate->set(1);
  const Slots slots = file();
  std::atomic<int> done = 0;
  {
    SlotWriter writer(rate);
    EXPECT_EQ(outcome(writer, slots, one(run_of(0, page_size, 'a'))), 0);
    writer.add({slots, one(run_of(0, page_size, 'b')), [&](int) { ++done; }});
    EXPECT_TRUE(test::wait_until_other_threads_sleep());
    EXPECT_EQ(writer.waiting_bytes(), page_size);
    EXPECT_EQ(at(slots, 0), 'a');
  }
  EXPECT_EQ(done, 0);
  rate->set(0);
  SlotWriter other(rate);
  EXPECT_EQ(outcome(other, slots, one(run_of(0, page_size, 'c'))), 0);
}

TEST(SlotWriter, ErrorsAreToldAndTheNextJobIsDone) {
  SlotWriter writer;
  const Slots slots = file();
  const auto read_only = std::make_shared<const UniqueFd>(open_again(slots->get(), O_RDONLY));
  EXPECT_EQ(outcome(writer, read_only, one(run_of(0, page_size, 'a'))), EBADF);
  EXPECT_EQ(outcome(writer, std::make_shared<const UniqueFd>(), one(run_of(0, page_size, 'a'))), EBADF);
  EXPECT_EQ(writer.waiting_bytes(), 0U);
  EXPECT_EQ(outcome(writer, slots, one(run_of(0, page_size, 'a'))), 0);
}

TEST(SlotWriter, AJobThatIsWrittenInPartHasFailed) {
  SlotWriter writer;
  const Slots slots = file();
  const LimitedFileSize limit(2 * page_size + 100);
  EXPECT_EQ(outcome(writer, slots, one(run_of(page_size, 2 * page_size, 'a'))), EFBIG);
  EXPECT_EQ(at(slots, 2 * page_size + 99), 'a');  // a short write came first
}

TEST(SlotWriter, AFullDiskIsTold) {
  const SmallDisk disk(1);
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk";
  SlotWriter writer;
  const auto slots = std::make_shared<const UniqueFd>(
      checked_fd(::open(disk.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open"));
  EXPECT_EQ(outcome(writer, slots, one(run_of(0, 2 << 20, 'a'))), ENOSPC);
}

TEST(SlotWriter, KernelsThatCannotWaitForARangeWaitForTheFile) {
  EXPECT_EXIT(
      {
        if (refuse(SYS_sync_file_range, ENOSYS)) {
          SlotWriter writer;
          EXPECT_EQ(outcome(writer, file(), one(run_of(0, page_size, 'a'))), 0);
          // That it did, an error shows.
          EXPECT_TRUE(refuse(SYS_fdatasync, EIO));
          SlotWriter failing;
          EXPECT_EQ(outcome(failing, file(), one(run_of(0, page_size, 'a'))), EIO);
        }
        std::_Exit(testing::Test::HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(SlotWriter, ErrorsOfWritingBackAreTold) {
  EXPECT_EXIT(
      {
        if (refuse(SYS_sync_file_range, EIO)) {
          SlotWriter writer;
          EXPECT_EQ(outcome(writer, file(), one(run_of(0, page_size, 'a'))), EIO);
        }
        std::_Exit(testing::Test::HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(SlotWriter, ItsEndWaitsForTheJobUnderWayAndDropsTheRest) {
  const Slots slots = file();
  std::atomic<bool> ending = false;
  std::atomic<int> done = 0;
  std::promise<void> under_way;
  {
    SlotWriter writer;
    writer.add({slots, one(run_of(0, page_size, 'a')), [&](int) {
                  under_way.set_value();
                  while (!ending) std::this_thread::yield();
                  EXPECT_TRUE(test::wait_until_other_threads_sleep());  // the destructor waits for us
                  ++done;
                }});
    wait_for(under_way, "the first job to begin");
    for (int i = 0; i < 10; ++i) writer.add({slots, one(run_of(0, page_size, 'b')), [&](int) { ++done; }});
    EXPECT_EQ(writer.waiting_bytes(), 10 * page_size);
    ending = true;
  }
  EXPECT_EQ(done, 1);
  EXPECT_EQ(at(slots, 0), 'a');
  EXPECT_EQ(slots.use_count(), 1);
}

}  // namespace
}  // namespace samepage::dedup
