// SPDX-License-Identifier: Apache-2.0
#include "tests/dedup/fleet/fleet_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/fault_point.hpp"
#include "base/json.hpp"
#include "base/memory_file.hpp"
#include "dedup/agent/backing.hpp"

namespace samepage::dedup {

FleetModel::FleetModel(const Shape& shape, Choose choose)
    : shape_(shape),
      choose_(std::move(choose)),
      fleet_(shape.early_dups ? DupPolicy{.references = 2, .run = 4} : DupPolicy{},
             shape.pages_go_out ? std::vector{folder_.path() + "/a", folder_.path() + "/b"}
                                : std::vector<std::string>{}) {}

void FleetModel::step() {
  if (fleet_.guests().empty()) return add_guest();
  FleetGuest& guest = *fleet_.guests()[choose_(static_cast<std::uint32_t>(fleet_.guests().size()))];
  if (shape_.forks && chance(12)) return fork(guest);
  const std::uint32_t what = choose_(shape_.pages_go_out ? 26 : 18);
  what < 18 ? page_step(guest, what) : paging_step(guest, what);
}

void FleetModel::page_step(FleetGuest& guest, std::uint32_t what) {
  const std::size_t page = some_page();
  switch (what) {
    case 0:
      if (fleet_.guests().size() < 6) add_guest();
      break;
    case 1:
      if (chance(4)) fleet_.kill(guest);
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
    case 8: {
      const std::size_t offset = page * page_size + std::size_t{choose_(512)} * 8;
      guest.write(offset, choose_(~0U));
      break;
    }
    case 9:
      guest.fill(page, 0);
      break;
    case 10:
      guest.discard(page, some_pages(page));
      break;
    case 11:
      if (chance(4)) guest.worker->lose_daemon();  // it hung; what was under way is lost
      break;
    case 12:
      if (!guest.worker->connected()) fleet_.rejoin(guest);
      break;
    default:
      guest.fill(page, 1 + choose_(6));  // few contents, so that equal pages abound
      break;
  }
}

void FleetModel::paging_step(FleetGuest& guest, std::uint32_t what) {
  switch (what) {
    case 18:
    case 19:
      guest.worker->paging().begin(some_pages(0),
                                   chance(2) ? PageOuts::Which::all : PageOuts::Which::by_order);
      break;
    case 20:
      guest.worker->paging().go_on();
      break;
    case 21:  // it says so, and is written nevertheless
      guest.worker->paging().stand_still();
      guest.worker->paging().begin(shape_.pages, PageOuts::Which::all);
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
      if (chance(4)) a_disk_fails();
      break;
    default:
      if (chance(4)) change_paging_files();
      break;
  }
}

void FleetModel::add_paging_file() {
  fleet_.ask_paging({{"add", folder_.path() + "/" + std::to_string(next_file_++)}});
}

// One is emptied while guests run, and another takes its place. Guests may hear of it much later.
void FleetModel::change_paging_files() {
  const auto files = fleet_.ask_paging(nlohmann::json::object()).at("files");
  if (files.size() < 3) add_paging_file();
  if (files.empty()) return;
  for (const auto& file : files) {
    if (file.at("state") == "leaving") return;
  }
  fleet_.ask_paging({{"remove", files.at(choose_(static_cast<std::uint32_t>(files.size()))).at("path")}});
}

// The next write to a paging file, which gets no further pages then. Another one takes its place.
void FleetModel::a_disk_fails() {
  const auto files = fleet_.ask_paging(nlohmann::json::object()).at("files");
  const bool failed =
      std::any_of(files.begin(), files.end(), [](const auto& file) { return file.at("state") == "failed"; });
  if (failed && files.size() < 8) add_paging_file();
  fleet_.wait_for_disks();
  arm_fault_points(chance(2) ? "slot-writing:1:EIO" : "slot-syncing:1:ENOSPC");
}

// Half of them are loaded with an image, of contents that others may have.
void FleetModel::add_guest() {
  FleetGuest& guest = fleet_.add(shape_.pages, some_options());
  if (chance(2)) return;
  const auto half = static_cast<std::uint32_t>(shape_.pages / 2);
  std::vector<std::uint64_t> contents(1 + choose_(half));
  for (std::uint64_t& content : contents) content = choose_(7);
  fleet_.load(guest, choose_(half), contents);
}

GuestOptions FleetModel::some_options() {
  GuestOptions options;
  options.tracker = chance(2) ? TrackerKind::best : TrackerKind::rehash;
  options.backend = chance(2) ? Pagemap::Backend::newest : Pagemap::Backend::words;
  if (shape_.uniform) options.domain = "d,uniform";
  if (shape_.scarce_mappings && chance(2)) options.vma_limit = 8;
  return options;
}

// As a fork does: a part of memory is copied, and goes on being written until the agent hears of it.
void FleetModel::fork(FleetGuest& guest) {
  Copied& copied = copies_[guest.name];
  copied.first = some_page();
  const std::size_t count = some_pages(copied.first);
  const std::byte* const memory = guest.page(copied.first);
  copied.bytes.assign(memory, memory + count * page_size);
  // SAFETY: char may alias any bytes.
  UniqueFd file = memory_file_with(
      "copy", std::string_view(reinterpret_cast<const char*>(copied.bytes.data()), copied.bytes.size()));
  for (int writes = 0; writes < 20 && !chance(3); ++writes) guest.fill(some_page(), choose_(7));
  const BackedRun run{{{copied.first}, static_cast<std::uint32_t>(count)}, 0, file.get()};
  guest.worker->forked(std::move(file), {run});
}

void FleetModel::check(int number) {
  const std::string when = "in step " + std::to_string(number);
  number % 16 == 0 ? fleet_.check_everything(when) : fleet_.check_memory(when);
}

// No page that is what it was in the last copy is memory of the guest's own.
void FleetModel::check_what_is_backed() {
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

// Pages that could be shared, by content, counted by comparing all bytes.
void FleetModel::check_final_sharing() {
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
        if (!shape_.uniform && bytes == std::string(page_size, '\0')) {
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
  EXPECT_GE(zero, given_back);
  EXPECT_EQ(fleet_.figure("zero_pages"), given_back);
  EXPECT_EQ(fleet_.figure("pages_pending"), 0U);
  if (shape_.scarce_mappings) return;
  EXPECT_EQ(found, duplicates);
  EXPECT_EQ(zero, given_back);
}

void FleetModel::finish() {
  for (const auto& guest : fleet_.guests()) {
    if (!guest->worker->connected()) fleet_.rejoin(*guest);
  }
  fleet_.wait_for_disks();
  arm_fault_points("");
  for (int i = 0; i < 3; ++i) fleet_.settle();
  fleet_.check_references("in the end");
  ASSERT_NO_FATAL_FAILURE(fleet_.check_everything("in the end"));
  shape_.forks ? check_what_is_backed() : check_final_sharing();
  while (!fleet_.guests().empty()) fleet_.kill(*fleet_.guests().front());
  EXPECT_EQ(fleet_.figure("pages_shared"), 0U);
  EXPECT_EQ(fleet_.figure("store_bytes"), 0U);
  EXPECT_EQ(fleet_.figure("slots_bytes"), 0U);
}

}  // namespace samepage::dedup
