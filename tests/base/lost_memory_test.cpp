// SPDX-License-Identifier: Apache-2.0
// Whichever thread touches memory that is lost, the process ends with the reason.
#include "base/lost_memory.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/files_behind_memory.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage {
namespace {

using testing::ExitedWithCode;

// A page of a file that has none.
const volatile std::byte* lost_page() {
  const UniqueFd file(::memfd_create("lost", MFD_CLOEXEC));
  return static_cast<const volatile std::byte*>(
      ::mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, file.get(), 0));
}

void touch() {
  static_cast<void>(*lost_page());
}

void prepare() {
  note_file_behind_memory("/disk/samepage.paging");
  prepare_for_lost_memory({[](const std::string& reason) {
                             std::fprintf(stderr, "told: %s\n", reason.c_str());
                             return 42;
                           },
                           std::chrono::milliseconds(20)});
}

constexpr const char* told = "told: a page of its memory could not be read: .*/disk/samepage.paging";

TEST(LostMemoryDeathTest, TheMainThreadTellsOfAnother) {
  const auto run = [] {
    prepare();
    std::thread(touch).detach();
    static_cast<void>(wait_to_read(lost_memory_fd(), "a page that is lost"));
    end_after_lost_memory();
  };
  EXPECT_EXIT(run(), ExitedWithCode(42), told);
}

TEST(LostMemoryDeathTest, TheMainThreadTellsOfItself) {
  EXPECT_EXIT((prepare(), touch()), ExitedWithCode(42), told);
}

TEST(LostMemoryDeathTest, AThreadThatTheMainOneWaitsForTells) {
  EXPECT_EXIT((prepare(), std::thread(touch).join()), ExitedWithCode(42), told);
}

TEST(LostMemoryDeathTest, NothingIsToldWhileNothingIsLost) {
  const auto run = [] {
    prepare();
    end_after_lost_memory();
    ::_exit(7);
  };
  EXPECT_EXIT(run(), ExitedWithCode(7), "");
}

TEST(LostMemoryDeathTest, AProcessThatIsNotPreparedIsEndedByTheSignal) {
  const auto run = [] {
    rescue_memory_with([](const siginfo_t&) { return false; });
    touch();
  };
  EXPECT_EXIT(run(), testing::KilledBySignal(SIGBUS), "could not be read back");
}

}  // namespace
}  // namespace samepage
