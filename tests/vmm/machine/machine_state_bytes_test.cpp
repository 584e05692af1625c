// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/machine_state_bytes.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "base/check.hpp"
#include "base/json.hpp"
#include "tests/vmm/machine/sample_state.hpp"

namespace samepage::vmm {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string why_not(std::string_view bytes) {
  try {
    static_cast<void>(machine_state_of(bytes));
  } catch (const UserError& error) {
    return error.what();
  }
  return "it was read";
}

/// The sample with a change in its content and the right checksum around it.
std::string why_not_changed(const std::function<void(json&)>& change) {
  const std::string bytes = bytes_of(test::sample_state());
  json content = json::from_cbor(bytes.substr(32));
  change(content);
  std::string changed;
  json::to_cbor(content, changed);
  return why_not(framed_state(changed));
}

TEST(MachineStateBytes, EverythingComesBack) {
  const MachineState state = test::sample_state();
  EXPECT_EQ(machine_state_of(bytes_of(state)), state);
  EXPECT_EQ(machine_state_of(bytes_of(MachineState{})), MachineState{});
}

TEST(MachineStateBytes, TheSameStateHasTheSameBytes) {
  EXPECT_EQ(bytes_of(test::sample_state()), bytes_of(test::sample_state()));
}

TEST(MachineStateBytes, NothingButAllOfItIsRead) {
  const std::string bytes = bytes_of(test::sample_state());
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 50) {
    EXPECT_NE(why_not(std::string_view(bytes).substr(0, size)), "it was read") << size;
  }
  EXPECT_THAT(why_not(""), HasSubstr("not a state of a samepage machine"));
  EXPECT_THAT(why_not(std::string(100, 'x')), HasSubstr("not a state of a samepage machine"));
  EXPECT_THAT(why_not(bytes.substr(0, bytes.size() - 1)), HasSubstr("cut short"));
  EXPECT_THAT(why_not(bytes + "x"), HasSubstr("something behind its end"));
}

TEST(MachineStateBytes, EachDamagedByteIsSeen) {
  std::string bytes = bytes_of(test::sample_state());
  for (std::size_t at = 0; at < bytes.size(); at += at < 100 ? 1 : 37) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_THAT(why_not(bytes), HasSubstr("cannot read the machine's state: ")) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  }
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_THAT(why_not(bytes), HasSubstr("it is damaged"));
}

TEST(MachineStateBytes, AnotherVersionIsNamed) {
  std::string bytes = bytes_of(test::sample_state());
  bytes[8] = 77;
  EXPECT_THAT(why_not(bytes), HasSubstr("it is of version 77 and this samepage reads version 1"));
}

TEST(MachineStateBytes, AFieldThatIsNotAsItShouldBeIsNamed) {
  EXPECT_THAT(why_not_changed([](json& content) { content.erase("vm"); }),
              HasSubstr("its field vm is missing"));
  EXPECT_THAT(why_not_changed([](json& content) { content["more"] = 1; }),
              HasSubstr("a field that there is not"));
  EXPECT_THAT(why_not_changed([](json& content) { content["pc"]["uart"]["scratch"] = 256; }),
              HasSubstr("its field pc.uart.scratch is not a number of 8 bits"));
  EXPECT_THAT(why_not_changed([](json& content) { content["pc"]["uart"]["scratch"] = -1; }),
              HasSubstr("its field pc.uart.scratch is not a number of 8 bits"));
  EXPECT_THAT(why_not_changed([](json& content) { content["bare"] = 1; }),
              HasSubstr("its field bare is not true or false"));
  EXPECT_THAT(why_not_changed([](json& content) {
                content["vcpus"][1]["regs"] = json::binary({1, 2});
              }),
              HasSubstr("its field vcpus[1].regs is not of 144 bytes"));
  EXPECT_THAT(why_not_changed([](json& content) { content["pc"]["console"]["waiting"] = "text"; }),
              HasSubstr("its field pc.console.waiting is not a string of bytes"));
  EXPECT_THAT(why_not_changed([](json& content) { content["vm"]["controllers"].erase(0); }),
              HasSubstr("its field vm.controllers is not a list of 3"));
  EXPECT_THAT(why_not_changed([](json& content) { content["vcpus"] = 3; }),
              HasSubstr("its field vcpus is not a list"));
  EXPECT_THAT(why_not_changed([](json& content) { content["virtio"][0]["device"] = json::object(); }),
              HasSubstr("its field virtio[0].device is not of one kind"));
  EXPECT_THAT(why_not_changed([](json& content) {
                content["virtio"][0]["device"] = {{"toaster", json::object()}};
              }),
              HasSubstr("its field virtio[0].device is of an unknown kind"));
  EXPECT_THAT(why_not_changed([](json& content) { content = 5; }),
              HasSubstr("its field of all has no fields"));
}

TEST(MachineStateBytes, WhatIsNotCborIsRefusedHoweverDeepItIs) {
  EXPECT_THAT(why_not(framed_state("")), HasSubstr("its content is not CBOR"));
  EXPECT_THAT(why_not(framed_state("\xff\xff")), HasSubstr("its content is not CBOR"));
  EXPECT_THAT(why_not(framed_state(std::string(1'000'000, '\x81'))), HasSubstr("its content is not CBOR"));
  EXPECT_THAT(why_not(framed_state(std::string("\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9))),
              HasSubstr("not CBOR"));
}

}  // namespace
}  // namespace samepage::vmm
