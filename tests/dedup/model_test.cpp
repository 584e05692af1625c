// SPDX-License-Identifier: Apache-2.0
// Random operations on several guests against the most naive model there is: a copy of each guest's memory.
// After every step all memory is as the guests wrote it; in the end, when all is quiet, exactly what is equal
// is shared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fault_point.hpp"
#include "base/memory_file.hpp"
#include "base/temporary_directory.hpp"
#include "dedup/agent/backing.hpp"
#include "tests/dedup/fleet.hpp"

namespace samepage::dedup {
namespace {

constexpr std::size_t pages = 40;

class ModelTest : public testing::TestWithParam<unsigned> {
 protected:
  void step() {
    if (fleet_.guests().empty()) return add_guest();
    FleetGuest& guest = *fleet_.guests()[random_() % fleet_.guests().size()];
    const std::size_t page = random_() % pages;
    if (forks_ && random_() % 12 == 0) return fork(guest);
    switch (random_() % (pages_go_out_ ? 26 : 18)) {
      case 0:
        if (fleet_.guests().size() < 6) add_guest();
        break;
      case 1:
        if (random_() % 4 == 0) fleet_.kill(guest);
        break;
      case 2:
      case 3:
        guest.worker->run_pass();  // its messages wait
        break;
      case 4:
        fleet_.poll_daemon();
        break;
      case 5:
        guest.worker->handle_messages();
        break;
      case 6:
      case 7:
        fleet_.pass();
        break;
      case 8:
        guest.write(page * page_size + (random_() % 512) * 8, random_());
        break;
      case 9:
        guest.fill(page, 0);
        break;
      case 10:
        guest.discard(page, 1 + random_() % (pages - page));
        break;
      case 11:
        if (random_() % 4 == 0) guest.worker->lose_daemon();  // it hung; what was under way is lost
        break;
      case 18:
      case 19:
        guest.worker->paging().begin(1 + random_() % pages,
                                     random_() % 2 == 0 ? PageOuts::Which::all : PageOuts::Which::by_order);
        break;
      case 20:
        guest.worker->paging().go_on();
        break;
      case 21:  // it says so, and is written nevertheless
        guest.worker->paging().stand_still();
        guest.worker->paging().begin(pages, PageOuts::Which::all);
        break;
      case 22:
        guest.worker->paging().begin_return();
        guest.worker->paging().bring_back(1U << 20U);
        break;
      case 23:
        guest.worker->paging().want_frames_out();
        guest.worker->paging().go_on();
        break;
      case 24:
        if (random_() % 4 == 0) a_disk_fails();
        break;
      case 25:
        if (random_() % 4 == 0) change_paging_files();
        break;
      case 12:
        if (!guest.worker->connected()) fleet_.rejoin(guest);
        break;
      default:
        guest.fill(page, 1 + random_() % 6);  // few contents, so that equal pages abound
        break;
    }
  }

  void add_paging_file() {
    fleet_.ask_paging({{"add", folder_.path() + "/" + std::to_string(next_file_++)}});
  }

  // One is emptied while guests run, and another takes its place. Guests may hear of it much later.
  void change_paging_files() {
    const auto files = fleet_.ask_paging(nlohmann::json::object()).at("files");
    if (files.size() < 3) add_paging_file();
    if (files.empty()) return;
    for (const auto& file : files) {
      if (file.at("state") == "leaving") return;
    }
    fleet_.ask_paging({{"remove", files.at(random_() % files.size()).at("path")}});
  }

  // The next write to a paging file, which gets no further pages then. Another one takes its place.
  void a_disk_fails() {
    const auto files = fleet_.ask_paging(nlohmann::json::object()).at("files");
    const bool failed = std::any_of(files.begin(), files.end(),
                                    [](const auto& file) { return file.at("state") == "failed"; });
    if (failed && files.size() < 8) add_paging_file();
    fleet_.wait_for_disks();
    arm_fault_points(random_() % 2 == 0 ? "slot-writing:1:EIO" : "slot-syncing:1:ENOSPC");
  }

  // Half of them are loaded with an image, of contents that others may have.
  void add_guest() {
    FleetGuest& guest = fleet_.add(pages, some_options());
    if (random_() % 2 == 0) return;
    std::vector<std::uint64_t> contents(1 + random_() % (pages / 2));
    for (std::uint64_t& content : contents) content = random_() % 7;
    fleet_.load(guest, random_() % (pages / 2), contents);
  }

  // As a fork does: a part of memory is copied, and goes on being written until the agent hears of it.
  void fork(FleetGuest& guest) {
    Copied& copied = copies_[guest.name];
    copied.first = static_cast<std::uint32_t>(random_() % pages);
    const std::size_t count = 1 + random_() % (pages - copied.first);
    const std::byte* const memory = guest.page(copied.first);
    copied.bytes.assign(memory, memory + count * page_size);
    // SAFETY: char may alias any bytes.
    UniqueFd file = memory_file_with(
        "copy", std::string_view(reinterpret_cast<const char*>(copied.bytes.data()), copied.bytes.size()));
    while (random_() % 3 != 0) guest.fill(random_() % pages, random_() % 7);
    const BackedRun run{{{copied.first}, static_cast<std::uint32_t>(count)}, 0, file.get()};
    guest.worker->forked(std::move(file), {run});
  }

  // No page that is what it was in the last copy is memory of the guest's own.
  void check_what_is_backed() {
    for (const auto& guest : fleet_.guests()) {
      const auto copy = copies_.find(guest->name);
      if (copy == copies_.end() || guest->scarce_mappings) continue;
      const std::size_t count = copy->second.bytes.size() / page_size;
      for (const PageMapRun& run : guest->map()) {
        if (run.state != PageState::own) continue;
        for (std::uint64_t i = 0; i < run.range.pages.value; ++i) {
          const std::uint64_t page = run.range.first.value + i;
          if (page < copy->second.first || page >= copy->second.first + count) continue;
          const std::byte* const bytes = &copy->second.bytes[(page - copy->second.first) * page_size];
          EXPECT_NE(std::memcmp(guest->page(page), bytes, page_size), 0) << guest->name << ", page " << page;
        }
      }
    }
  }

  GuestOptions some_options() {
    GuestOptions options;
    options.tracker = random_() % 2 == 0 ? TrackerKind::best : TrackerKind::rehash;
    options.backend = random_() % 2 == 0 ? Pagemap::Backend::newest : Pagemap::Backend::words;
    if (scarce_mappings_ && random_() % 2 == 0) options.vma_limit = 8;
    return options;
  }

  // Pages that could be shared, by content, counted by comparing all bytes.
  void check_final_sharing() {
    std::map<std::string, std::size_t> contents;
    std::size_t zero = 0, given_back = 0;
    for (const auto& guest : fleet_.guests()) {
      for (const PageMapRun& run : guest->map()) {
        if (run.state == PageState::zero) given_back += run.range.pages.value;
        if (run.state == PageState::untouched) continue;
        for (std::uint64_t i = 0; i < run.range.pages.value; ++i) {
          // SAFETY: char may alias any bytes.
          const std::string bytes(reinterpret_cast<const char*>(guest->page(run.range.first.value + i)),
                                  page_size);
          if (bytes == std::string(page_size, '\0')) {
            ++zero;
          } else {
            ++contents[bytes];
          }
        }
      }
    }
    std::size_t duplicates = 0;
    for (const auto& [bytes, count] : contents) duplicates += count - 1;
    const std::uint64_t found = fleet_.figure("pages_sharing") + fleet_.figure("frame_dups") +
                                (fleet_.figure("paged_bytes") - fleet_.figure("slots_bytes")) / page_size;
    EXPECT_LE(found, duplicates);
    if (!scarce_mappings_) {
      EXPECT_EQ(found, duplicates);
    }
    EXPECT_EQ(fleet_.figure("zero_pages"), given_back);
    EXPECT_GE(zero, given_back);
    if (!scarce_mappings_) {
      EXPECT_EQ(zero, given_back);
    }
    EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
  }

  std::mt19937_64 random_{GetParam()};
  unsigned next_file_ = 0;
  struct Copied {
    std::uint32_t first = 0;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Copied> copies_;  // the last one of each guest
  const bool forks_ = GetParam() >= 8 && GetParam() < 18;
  const bool scarce_mappings_ = GetParam() % 4 == 3;  // in some guests: not all can be shared there
  // In the last ones pages go out to two paging files.
  const bool pages_go_out_ = GetParam() >= 13;
  const TemporaryDirectory folder_;
  // Every other fleet gives contents dups as soon as it can.
  Fleet fleet_{
      GetParam() % 2 == 0 ? DupPolicy{} : DupPolicy{.references = 2, .run = 4},
      pages_go_out_ ? std::vector{folder_.path() + "/a", folder_.path() + "/b"} : std::vector<std::string>{}};
};

TEST_P(ModelTest, MemoryIsAlwaysWhatTheGuestsWrote) {
  for (int i = 0; i < 1500; ++i) {
    step();
    const std::string when = "in step " + std::to_string(i);
    ASSERT_NO_FATAL_FAILURE(fleet_.check_memory(when));
    // Asking the kernel for every guest's page tables takes most of the time.
    if (i % 16 == 0) {
      ASSERT_NO_FATAL_FAILURE(fleet_.check_everything(when));
    }
  }
  for (const auto& guest : fleet_.guests()) {
    if (!guest->worker->connected()) fleet_.rejoin(*guest);
  }
  fleet_.wait_for_disks();
  arm_fault_points("");
  for (int i = 0; i < 3; ++i) fleet_.settle();
  fleet_.check_references("in the end");
  ASSERT_NO_FATAL_FAILURE(fleet_.check_everything("in the end"));
  if (forks_) {
    check_what_is_backed();
  } else {
    check_final_sharing();
  }
  while (!fleet_.guests().empty()) fleet_.kill(*fleet_.guests().front());
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
  EXPECT_EQ(fleet_.figure("slots_bytes"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(0U, 24U));

}  // namespace
}  // namespace samepage::dedup
