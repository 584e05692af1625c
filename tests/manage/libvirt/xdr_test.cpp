// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/xdr.hpp"

#include <gtest/gtest.h>

#include "manage/libvirt/error.hpp"
#include "manage/libvirt/wire_values.hpp"
#include "tests/manage/libvirt/hex.hpp"

namespace samepage::libvirt::test {
namespace {

TEST(Xdr, ValuesAreBigEndianAndFillWholeUnits) {
  XdrWriter out;
  const Bytes three = from_hex("aabbcc");
  out.u32(1).i32(-1).u64(0x0102030405060708).i64(-2).f64(1.0).boolean(true);
  out.text("abcde").optional_text(std::nullopt).optional_text("x").opaque(three).fixed(three).raw(three);
  EXPECT_EQ(hex(out.take()),
            "00000001 ffffffff 01020304 05060708 ffffffff fffffffe 3ff00000 00000000 00000001 "
            "00000005 61626364 65000000 00000000 00000001 00000001 78000000 "
            "00000003 aabbcc00 aabbcc00 aabbcc");
}

TEST(Xdr, WhatIsWrittenIsRead) {
  const Bytes bytes = from_hex(
      "00000001 ffffffff 01020304 05060708 ffffffff fffffffe 3ff00000 00000000 00000001 "
      "00000005 61626364 65000000 00000000 00000001 00000001 78000000 00000003 aabbcc00");
  XdrReader in(bytes);
  EXPECT_EQ(in.u32(), 1U);
  EXPECT_EQ(in.i32(), -1);
  EXPECT_EQ(in.u64(), 0x0102030405060708U);
  EXPECT_EQ(in.i64(), -2);
  EXPECT_EQ(in.f64(), 1.0);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.text(), "abcde");
  EXPECT_EQ(in.optional_text(), std::nullopt);
  EXPECT_EQ(in.optional_text(), "x");
  EXPECT_EQ(hex(in.opaque(3)), "aabbcc");
  EXPECT_THROW(in.u32(), Error) << "the end";
}

TEST(Xdr, WhatFillsUpAUnitMayBeAnything) {
  const Bytes bytes = from_hex("00000001 78ffffff");
  EXPECT_EQ(XdrReader(bytes).text(), "x");
}

struct Malformed {
  const char* name;
  const char* bytes;
  void (*read)(XdrReader&);
};

class XdrRefuses : public testing::TestWithParam<Malformed> {};

TEST_P(XdrRefuses, AsAnErrorOfTheProtocol) {
  const Bytes bytes = from_hex(GetParam().bytes);
  XdrReader in(bytes);
  try {
    GetParam().read(in);
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), VIR_ERR_RPC);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, XdrRefuses,
    testing::Values(
        Malformed{"HalfANumber", "000001", [](XdrReader& in) { in.u32(); }},
        Malformed{"HalfALongNumber", "00000001 0000", [](XdrReader& in) { in.u64(); }},
        Malformed{"ATextWithoutItsEnd", "00000008 61626364", [](XdrReader& in) { in.text(); }},
        Malformed{"ATextWithoutWhatFillsItUp", "00000005 61626364 65", [](XdrReader& in) { in.text(); }},
        Malformed{"ATextOfFourGigabytes", "ffffffff 61626364", [](XdrReader& in) { in.text(); }},
        Malformed{"ATextThatIsTooLong", "00000005 61626364 65000000", [](XdrReader& in) { in.text(4); }},
        Malformed{"ATextWithAZero", "00000003 61006200", [](XdrReader& in) { in.text(); }},
        Malformed{"HalfABoolean", "00000002", [](XdrReader& in) { in.boolean(); }},
        Malformed{"TooManyItems", "00000003 00000000 00000000 00000000",
                  [](XdrReader& in) { in.count(2, 4); }},
        Malformed{"MoreItemsThanBytes", "00000003 00000000 00000000", [](XdrReader& in) { in.count(9, 4); }},
        Malformed{"AListOfFourThousandMillions", "ffffffff 00000000",
                  [](XdrReader& in) { static_cast<void>(take_domains(in)); }},
        Malformed{"HalfAUuid", "00000001 78000000 00112233 44556677",
                  [](XdrReader& in) { static_cast<void>(take_domain(in)); }},
        Malformed{"AValueOfNoType", "00000001 00000001 78000000 00000008 00000000",
                  [](XdrReader& in) { static_cast<void>(take_parameters(in, 4)); }},
        Malformed{"AValueWithoutAType", "00000001 00000001 78000000 00000000 00000000",
                  [](XdrReader& in) { static_cast<void>(take_parameters(in, 4)); }}),
    [](const auto& test) { return test.param.name; });

TEST(WireValues, NamedValuesOfAllTypes) {
  const std::vector<TypedParameter> all{{"a", std::int32_t{-1}},
                                        {"b", std::uint32_t{2}},
                                        {"c", std::int64_t{-3}},
                                        {"d", std::uint64_t{4}},
                                        {"e", 1.0},
                                        {"f", true},
                                        {"g", std::string("hi")}};
  XdrWriter out;
  put(out, std::span(all));
  const Bytes bytes = out.take();
  EXPECT_EQ(hex(bytes),
            "00000007 "
            "00000001 61000000 00000001 ffffffff "
            "00000001 62000000 00000002 00000002 "
            "00000001 63000000 00000003 ffffffff fffffffd "
            "00000001 64000000 00000004 00000000 00000004 "
            "00000001 65000000 00000005 3ff00000 00000000 "
            "00000001 66000000 00000006 00000001 "
            "00000001 67000000 00000007 00000002 68690000");
  XdrReader in(bytes);
  EXPECT_EQ(take_parameters(in, 7), all);
}

TEST(WireValues, AnOverlongNameIsNotSent) {
  XdrWriter out;
  put(out, TypedParameter{std::string(79, 'x'), true});
  EXPECT_THROW(put(out, TypedParameter{std::string(80, 'x'), true}), Error);
}

TEST(WireValues, CpusAreBitsFromTheLowestOn) {
  CpuMap map;
  map.online.assign(10, true);
  map.online[1] = false;
  EXPECT_EQ(hex(bits_of(map)), "fd03");
  EXPECT_EQ(hex(bits_of(map, 1)), "fd");
  EXPECT_EQ(hex(bits_of(map, 3)), "fd0300");
}

}  // namespace
}  // namespace samepage::libvirt::test
