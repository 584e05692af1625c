// SPDX-License-Identifier: Apache-2.0
// Every procedure's arguments and reply, against bytes written by hand from what real clients send and take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libvirt/libvirt.h>

#include <set>

#include "manage/libvirt/procedures.hpp"
#include "manage/libvirt/wire_values.hpp"
#include "tests/manage/libvirt/client.hpp"

namespace samepage::libvirt::test {
namespace {

const std::string web = std::string(web_bytes) + " ";
const std::string params =
    "00000002 00000001 61000000 00000002 00000001 00000002 62630000 00000004 00000000 00000002";

struct Layout {
  std::int32_t procedure;
  std::string arguments;
  std::string reply;
  std::string done = {};  // what the host was asked to do
};

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all{
      {3, "", "00000008 53616d65 70616765"},
      {4, "", "00000000 000003e8"},
      {157, "", hex(XdrWriter().u64(LIBVIR_VERSION_NUMBER).take())},
      {110, "", "00000012 73616d65 70616765 3a2f2f2f 73797374 656d0000"},
      {149, "", "00000001"},
      {59, "", "00000004 686f7374"},
      {7, "", "00000004 3c632f3e"},
      {5, "00000000", "00000004"},
      {342, "00000001 00000001 65000000 00000000 00000000 00000001 00000001 74000000 00000000",
       "00000004 652d2d74"},
      {273, "00000001 00000003", "00000001 " + web + "00000001"},
      {273, "00000000 00000003", "00000000 00000001"},
      {273, "00000001 00000002", "00000000 00000000"},
      {37, "00000010", "00000001 00000007"},
      {37, "00000000", "00000000"},
      {51, "", "00000001"},
      {21, "00000010", "00000000"},
      {25, "", "00000000"},
      {22, "00000007", web},
      {23, "00000003 77656200", web},
      {24, "10111213 14151617 18191a1b 1c1d1e1f", web},

      {6, "",
       "00000078 00000038 00000036 0000005f 00000036 00000034 00000000 00000000 00000000 00000000 00000000 "
       "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
       "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
       "00000000 00001000 00000002 00000bb8 00000001 00000001 00000002 00000001"},
      {102, "", "00000001 00000002"},
      {101, "00000000 00000005", "00000001 00000000 0000a400"},
      {227, "ffffffff 00000000 00000000", "00000000 00000001"},
      {227, "ffffffff 00000001 00000000", "00000001 00000004 75736572 00000000 00000009 00000001"},
      {228, "00000000 ffffffff 00000000", "00000000 00000002"},
      {228, "00000002 ffffffff 00000000",
       "00000002 00000005 746f7461 6c000000 00000000 00000064 00000004 66726565 00000000 00000028 00000002"},
      {228, "00000001 ffffffff 00000000", "00000001 00000005 746f7461 6c000000 00000000 00000064 00000001"},
      {293, "00000001 00000001 00000000", "00000001 05000000 00000002 00000003"},
      {293, "00000000 00000000 00000000", "00000000 00000000 00000003"},
      {122, "", "00000000 00000000"},
      {289, "00000000 00000000", "00000000 00000002"},
      {289, "00000002 00000004", params + " 00000002"},
      {288, "00000001 00000001 78000000 00000002 00000005 00000000", "", "tune x 5"},

      {11, "00000004 3c612f3e", web, "define <a/> 0"},
      {350, "00000004 3c612f3e 00000001", web, "define <a/> 1"},
      {35, web, "", "undefine 0"},
      {231, web + "00000004", "", "undefine 4"},
      {29, web + "00000001", "", "autostart"},
      {15, web, "00000001"},
      {151, web, "00000001"},
      {14, web + "00000002", "00000005 3c78322f 3e000000"},
      {19, web, "00000003 68766d00"},
      {10, "00000004 3c612f3e 00000001", web, "create <a/> 1"},
      {9, web, "", "start 0"},
      {196, web + "00000001", web, "start 1"},
      {12, web, "", "destroy 0"},
      {234, web + "00000001", "", "destroy 1"},
      {33, web, "", "shutdown 0"},
      {258, web + "00000001", "", "shutdown 1"},
      {27, web + "00000001", "", "reboot 1"},
      {34, web, "", "suspend"},
      {28, web, "", "resume"},
      {31, web + "00000000 00000040", "", "memory 64 1"},
      {30, web + "00000000 00000040", "", "memory 64 4"},
      {204, web + "00000000 00000040 00000001", "", "memory 64 1"},

      {16, web, "00000001 00000000 00000040 00000000 00000020 00000002 00000000 00000005"},
      {212, web + "00000000", "00000003 00000001"},
      {150, web, "00000001"},
      {17, web, "00000000 00000040"},
      {18, web, "00000005"},
      {200, web + "00000006", "00000006"},
      {20, web + "00000002 00000002",
       "00000002 00000000 00000001 00000000 0000000a 00000003 00000001 00000002 00000000 00000014 00000004 "
       "00000004 05000500"},
      {20, web + "00000001 00000000", "00000001 00000000 00000001 00000000 0000000a 00000003 00000000"},
      {262, web + "00000000 ffffffff 00000001 00000000", "00000000 00000002"},
      {262, web + "00000002 ffffffff 00000001 00000000", params + " 00000002"},
      {159, web + "0000000d 00000000", "00000002 00000006 00000000 000003e8 00000007 00000000 000007d0"},
      {159, web + "00000001 00000000", "00000001 00000006 00000000 000003e8"},
      {159, web + "00000000 00000000", "00000000"},
      {64, web + "00000003 76646100",
       "00000000 00000001 00000000 00000002 00000000 00000003 00000000 00000004 00000000 00000005"},
      {243, web + "00000003 76646100 00000000 00000000", "00000000 00000002"},
      {243, web + "00000003 76646100 00000002 00000000", params + " 00000002"},
      {65, web + "00000003 76646100",
       "00000000 00000001 00000000 00000002 00000000 00000003 00000000 00000004 "
       "00000000 00000005 00000000 00000006 00000000 00000007 00000000 00000008"},
      {344, "00000000 00000003 00000010", "00000001 " + web + params, "stats 0 3 16"},
      {344, "00000001 " + web + "00000003 00000010", "00000001 " + web + params, "stats 1 3 16"},
      {426, web + "00000000", "00000001 00000001 6d000000"},
      {183, web + "00000000", "00000000"},
  };
  return all;
}

class Replies : public Served {};

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

TEST_F(Replies, AreLaidOutAsClientsReadThem) {
  Client client = connect();
  client.opened();
  std::size_t done = 0;
  for (const Layout& layout : layouts()) {
    EXPECT_EQ(client.answer(layout.procedure, layout.arguments), trimmed(layout.reply)) << layout.procedure;
    const std::vector<std::string> now = host_.done();
    if (!layout.done.empty()) {
      ASSERT_EQ(now.size(), done + 1) << layout.procedure;
      EXPECT_EQ(now.back(), layout.done) << layout.procedure;
    }
    done = now.size();
  }
}

TEST_F(Replies, EachProcedureIsTriedHere) {
  std::set<std::int32_t> tried{201};  // console_test.cpp
  for (const Layout& layout : layouts()) tried.insert(layout.procedure);
  std::int32_t before = 0;
  for (const Procedure& procedure : all_procedures()) {
    EXPECT_TRUE(tried.contains(procedure.number)) << procedure.function;
    EXPECT_LT(before, procedure.number) << "twice";
    EXPECT_EQ(missing_procedure(procedure.number), "") << "it is there";
    before = procedure.number;
  }
}

// Half of the arguments: an error, and the connection goes on.
TEST_F(Replies, ArgumentsThatEndTooSoonAreRefused) {
  Client client = connect();
  client.opened();
  for (const Layout& layout : layouts()) {
    const Bytes whole = from_hex(layout.arguments);
    for (std::size_t size = 0; size + 4 <= whole.size(); size += 4) {
      const std::string answer = client.answer(layout.procedure, hex(std::span(whole).first(size)));
      EXPECT_EQ(answer.substr(0, 50), "error 39: Unable to decode message payload: it is ")
          << layout.procedure << " with " << size << " bytes";
    }
  }
  EXPECT_EQ(client.answer(59), "00000004 686f7374");
  EXPECT_EQ(host_.done(), std::vector<std::string>{}) << "nothing was done by halves";
}

TEST_F(Replies, OfAHypervisorThatProgramsKnow) {
  Client client = connect();
  EXPECT_EQ(client.answer(1, "00000001 0000000e 71656d75 3a2f2f2f 73797374 656d0000 00000000"), "");
  EXPECT_EQ(client.answer(3), "00000004 51454d55");
}

TEST_F(Replies, MoreGuestsThanClientsTakeAreAnError) {
  host_.domains.assign(max_domains, host_.web);
  Client client = connect();
  client.opened();
  EXPECT_EQ(client.answer(51), "00004000");
  on_server([&] { host_.domains.push_back(host_.web); });
  EXPECT_THAT(client.answer(51), testing::StartsWith("error 9:"));
  EXPECT_THAT(client.answer(273, "00000001 00000000"), testing::StartsWith("error 9:"));
}

TEST_F(Replies, ThatAreLongerThanClientsTakeAreAnError) {
  host_.parameters.assign(9, {"x", std::string(4U << 20U, 'x')});
  Client client = connect();
  EXPECT_THAT(client.opened().answer(344, "00000000 00000000 00000000"), testing::StartsWith("error 9:"));
  EXPECT_EQ(client.answer(51), "00000001");
}

TEST_F(Replies, ValuesThatMakeNoSenseAreRefused) {
  Client client = connect();
  client.opened();
  for (const auto& [procedure, arguments] : std::vector<std::pair<std::int32_t, std::string>>{
           {37, "ffffffff"},
           {228, "ffffffff ffffffff 00000000"},
           {289, "ffffffff 00000000"},
           {289, "00000000 00000001"},
           {101, "00000007 00000001"},
           {101, "00000000 00000000"},
           {20, web + "00004001 00000001"},
           {20, web + "00004000 7fffffff"},
           {20, web + "ffffffff 00000001"},
           {212, web + "00000001"},
           {64, web + "00000003 76646200"},
       }) {
    EXPECT_THAT(client.answer(procedure, arguments), testing::StartsWith("error 8:")) << procedure;
  }
  EXPECT_THAT(client.answer(262, web + "00000000 00000000 00000002 00000000"),
              testing::StartsWith("error 84:"));
}

}  // namespace
}  // namespace samepage::libvirt::test
