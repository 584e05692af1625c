// SPDX-License-Identifier: Apache-2.0
// What guests share goes out when all of them are suspended, and they read what they wrote afterwards.
#include <string>

#include "base/json.hpp"
#include "tests/system/paging_host.hpp"

namespace samepage::system_test {
namespace {

class PagingFrames : public PagingHost {
 protected:
  static constexpr unsigned shared = 2000;

  void start_sharer(const std::string& name) const {
    start(name, {"fill", "common=" + std::to_string(shared), "verify=1"}, {"--mem", "16M"});
    wait_for_line(name, "ready");
  }
  void suspend(const std::string& name) const { ASSERT_EQ(samepage({"suspend", name}).code, 0); }
};

TEST_F(PagingFrames, GuestsThatAreAllSuspendedGiveBackWhatTheyShare) {
  start_daemon_with({file("a")});
  start_sharer("a");
  start_sharer("b");
  wait_until("they share", [&] { return figure("pages_sharing") >= shared; });
  suspend("a");
  EXPECT_GE(figure("pages_shared"), shared) << "b uses it";
  suspend("b");
  wait_until("what they share is out", [&] { return figure("pages_shared") < shared / 20; });
  EXPECT_GE(figure("frames_out"), shared);
  const std::uint64_t slots = figure("slots_bytes");
  for (const char* guest : {"a", "b"})
    EXPECT_GE(guest_figures(guest).at("paged_bytes").get<std::uint64_t>(), bytes(shared));

  start_sharer("c");
  wait_until("a third one shares what is out",
             [&] { return guest_figures("c").at("paged_bytes").get<std::uint64_t>() >= bytes(shared); });
  EXPECT_LE(figure("slots_bytes"), slots + bytes(shared / 20)) << "there is one place for each content";
  for (const char* guest : {"a", "b"}) ASSERT_EQ(samepage({"resume", guest}).code, 0);
  for (const char* guest : {"a", "b", "c"}) expect_verifies(guest);
}

}  // namespace
}  // namespace samepage::system_test
