// SPDX-License-Identifier: Apache-2.0
// Guests of one image share its pages from their first instruction on: with merging off, so that nobody has
// made a pass.
#include <cstring>
#include <fstream>

#include "base/types.hpp"
#include "tests/system/host.hpp"

namespace samepage::system_test {
namespace {

class ImageSharing : public Host {
 protected:
  void SetUp() override {
    Host::SetUp();
    if (!IsSkipped()) samepage({"tune", "merging=off"});
  }
  std::string dump_of(const std::string& guest) const {
    const std::string path = directory_ + "/" + guest + ".ram";
    EXPECT_EQ(samepage({"dump", guest, path}).code, 0);
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::uint64_t shared_bytes(const std::string& guest) const {
    return guest_figures(guest).at("shared_bytes").get<std::uint64_t>();
  }
};

TEST_F(ImageSharing, TheSecondGuestStartsWithSharedPagesAndTheRightBytes) {
  start("alone", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "none"});
  start("first", {"hello", "wait=1"}, {"--mem", "16M"});
  start("second", {"hello", "wait=1"}, {"--mem", "16M"});
  for (const char* guest : {"alone", "first", "second"})
    wait_for_line(guest, "hello from samepage: 1 CPU, 16 MiB of RAM");
  EXPECT_EQ(shared_bytes("alone"), 0U);
  EXPECT_GT(shared_bytes("first"), 0U);
  EXPECT_GT(shared_bytes("second"), 0U);
  EXPECT_GT(figure("pages_sharing"), 0U);
  EXPECT_EQ(figure("full_scans"), 0U);
  EXPECT_LT(guest_figures("second").at("private_bytes"), guest_figures("alone").at("private_bytes"));

  // A page that is still the image's is a frame; the guest that copied its image has the same bytes there.
  const std::string alone = dump_of("alone");
  for (const char* guest : {"first", "second"}) {
    const std::string ram = dump_of(guest);
    ASSERT_EQ(ram.size(), alone.size());
    std::size_t pages = 0;
    for (const auto& run : ask({"map", guest})) {
      if (run.at("state") != "frame") continue;
      const std::uint64_t offset = run.at("gfn").get<std::uint64_t>() << page_shift;
      const std::uint64_t bytes = run.at("pages").get<std::uint64_t>() << page_shift;
      EXPECT_EQ(std::memcmp(ram.data() + offset, alone.data() + offset, bytes), 0) << guest << ' ' << run;
      pages += bytes >> page_shift;
    }
    EXPECT_GT(pages, 0U);
  }
}

TEST_F(ImageSharing, WhatAGuestWritesIsItsOwnAndTheNextGuestFindsTheImage) {
  start("a", {"fill", "common=50", "own=10", "verify=1"}, {"--mem", "16M"});
  wait_for_line("a", "verified");
  start("b", {"fill", "common=50", "own=10", "verify=1"}, {"--mem", "16M"});
  wait_for_line("b", "verified");
  ASSERT_EQ(samepage({"stop", "a"}).code, 0);
  start("c", {"fill", "common=50", "own=10", "verify=1"}, {"--mem", "16M"});
  wait_for_line("c", "verified");
  EXPECT_GT(shared_bytes("b"), 0U);
  EXPECT_GT(shared_bytes("c"), 0U);
  // From here on as ever: what was broken at the start is seen, and all that is equal is merged.
  ASSERT_EQ(samepage({"tune", "merging=on"}).code, 0);
  settle();
  EXPECT_GE(figure("pages_sharing"), 50U);
  for (const char* guest : {"b", "c"}) EXPECT_EQ(log_of(guest).find("wrong"), std::string::npos);
}

TEST_F(ImageSharing, DomainsShareNoImage) {
  start("a", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "tenant-a"});
  start("b", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "tenant-b"});
  start("c", {"hello", "wait=1"}, {"--mem", "16M", "--domain", "zero-only"});
  EXPECT_EQ(figure("pages_sharing"), 0U);
  EXPECT_EQ(shared_bytes("c"), 0U);
}

}  // namespace
}  // namespace samepage::system_test
