// SPDX-License-Identifier: Apache-2.0
// A fleet whose pages go out to paging files.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"
#include "base/pagemap.hpp"
#include "base/temporary_directory.hpp"
#include "tests/dedup/fleet/fleet_fixture.hpp"

namespace samepage::dedup {

class PagingFleet : public testing::TestWithParam<GuestOptions> {
 protected:
  explicit PagingFleet(const std::string& sizes = "") : fleet_({}, {folder_.path() + "/first" + sizes}) {}

  FleetGuest& add(std::size_t pages, std::uint64_t first_content) {
    FleetGuest& guest = fleet_.add(pages, GetParam());
    for (std::size_t page = 0; page < pages; ++page) guest.fill(page, first_content + page);
    return guest;
  }
  void page_out(FleetGuest& guest, std::uint64_t pages = 1U << 20U,
                PageOuts::Which which = PageOuts::Which::all) {
    fleet_.exchange_messages();  // it hears of the paging files
    guest.worker->paging().begin(pages, which);
    fleet_.exchange_messages_until("its pages are out", [&] { return !guest.worker->page_outs().active(); });
    fleet_.check_everything("after pages went out");
  }
  static std::size_t own_pages(const FleetGuest& guest) {
    std::size_t own = 0;
    for (const PageRun& run : Pagemap().populated(guest.ram.bytes())) own += run.is_own() ? run.count : 0;
    return own;
  }
  // What is out and in memory too leaves memory.
  void drop(FleetGuest& guest) {
    const auto resident = [&] { return fleet_.figure("paged_resident_bytes") > 0; };
    fleet_.pass();
    for (int tries = 0; tries < 100 && resident(); ++tries) {  // the kernel may not find a page at once
      guest.worker->paging().begin(1, PageOuts::Which::all);
      fleet_.exchange_messages_until("its pages are out",
                                     [&] { return !guest.worker->page_outs().active(); });
      fleet_.pass();
    }
    if (resident()) GTEST_SKIP() << "the kernel does not drop these pages";
  }
  nlohmann::json files() { return fleet_.ask_paging(nlohmann::json::object()).at("files"); }
  [[nodiscard]] std::uint64_t slots() const { return fleet_.figure("slots_bytes") / page_size; }

  TemporaryDirectory folder_;
  Fleet fleet_;
};

}  // namespace samepage::dedup
