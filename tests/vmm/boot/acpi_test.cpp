// SPDX-License-Identifier: Apache-2.0
// The tables are read back the way an operating system does: from the RSDP on, by address, with every
// checksum.
#include "vmm/boot/acpi.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using Bytes = std::span<const std::byte>;

template <typename Value>
Value at(Bytes bytes, std::size_t offset) {
  Value value{};
  std::memcpy(&value, bytes.subspan(offset, sizeof(value)).data(), sizeof(value));
  return value;
}

unsigned sum(Bytes bytes) {
  unsigned total = 0;
  for (const std::byte byte : bytes) total += std::to_integer<unsigned>(byte);
  return total & 0xffU;
}

class Acpi : public testing::Test {
 protected:
  explicit Acpi(unsigned cpus = 2)
      : all_(acpi_tables(cpus, std::vector<AcpiVirtioDevice>{{Gpa{0xd000'0000}, 0x1000, 5},
                                                             {Gpa{0xd000'1000}, 0x1000, 6}})) {}

  /// The table at a guest physical address, by its own length.
  Bytes table(std::uint64_t address) const {
    const std::size_t offset = address - layout::acpi_tables.value;
    return Bytes(all_).subspan(offset, at<std::uint32_t>(all_, offset + 4));
  }
  std::uint64_t xsdt() const { return at<std::uint64_t>(all_, 24); }
  Bytes fadt() const { return table(at<std::uint64_t>(table(xsdt()), 36)); }
  Bytes madt() const { return table(at<std::uint64_t>(table(xsdt()), 44)); }
  Bytes dsdt() const { return table(at<std::uint64_t>(fadt(), 140)); }

  std::vector<std::byte> all_;
};

std::string signature(Bytes table) {
  std::string text(4, '\0');
  std::memcpy(text.data(), table.data(), 4);
  return text;
}

std::ptrdiff_t count(Bytes bytes, Bytes wanted) {
  std::ptrdiff_t found = 0;
  for (auto from = bytes.begin();; ++from, ++found) {
    from = std::search(from, bytes.end(), wanted.begin(), wanted.end());
    if (from == bytes.end()) return found;
  }
}

TEST_F(Acpi, RsdpIsFoundByASearch) {
  EXPECT_EQ(std::memcmp(all_.data(), "RSD PTR ", 8), 0);
  EXPECT_EQ(layout::acpi_tables.value % 16, 0U);
  EXPECT_EQ(sum(Bytes(all_).first(20)), 0U);
  EXPECT_EQ(sum(Bytes(all_).first(36)), 0U);
}

TEST_F(Acpi, EveryTableHasItsSignatureAndChecksum) {
  EXPECT_EQ(signature(table(xsdt())), "XSDT");
  EXPECT_EQ(signature(fadt()), "FACP");
  EXPECT_EQ(signature(madt()), "APIC");
  EXPECT_EQ(signature(dsdt()), "DSDT");
  for (const Bytes one : {table(xsdt()), fadt(), madt(), dsdt()}) EXPECT_EQ(sum(one), 0U) << signature(one);
}

TEST_F(Acpi, PlatformIsHardwareReducedWithPortsForSleepAndReset) {
  EXPECT_EQ(fadt().size(), 276U);
  EXPECT_NE(at<std::uint32_t>(fadt(), 112) & (1U << 20U), 0U);
  EXPECT_EQ(at<std::uint64_t>(fadt(), 116 + 4), layout::acpi_reset_port);
  EXPECT_EQ(at<std::uint8_t>(fadt(), 128), acpi_reset_value);
  EXPECT_EQ(at<std::uint64_t>(fadt(), 244 + 4), layout::acpi_sleep_control_port);
  EXPECT_EQ(at<std::uint64_t>(fadt(), 256 + 4), layout::acpi_sleep_status_port);
}

TEST_F(Acpi, MadtListsCpusAndTheIoApic) {
  ASSERT_EQ(madt().size(), 44U + 2 * 8 + 12);
  for (std::uint8_t cpu = 0; cpu < 2; ++cpu) {
    EXPECT_EQ(at<std::uint8_t>(madt(), 44 + cpu * 8U), 0);
    EXPECT_EQ(at<std::uint8_t>(madt(), 44 + cpu * 8U + 3), cpu);
    EXPECT_EQ(at<std::uint32_t>(madt(), 44 + cpu * 8U + 4), 1U);
  }
  EXPECT_EQ(at<std::uint8_t>(madt(), 60), 1);
  EXPECT_EQ(at<std::uint32_t>(madt(), 64), 0xfec0'0000U);
}

TEST_F(Acpi, DsdtHasDevicesWithAddressAndInterrupt) {
  const std::string name = "LNRO0005";
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(name))), 2);
  // Memory32Fixed, writable, 0xd0001000 and 0x1000 bytes; then an edge-triggered interrupt 6.
  const std::uint8_t second[]{0x86, 9, 0, 1, 0x00, 0x10, 0x00, 0xd0, 0x00, 0x10, 0x00, 0x00,
                              0x89, 6, 0, 3, 1,    6,    0,    0,    0,    0x79, 0};
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(second))), 1);
  // PNP0501 as a number; ports 0x3f8 to 0x3ff.
  const std::uint8_t uart[]{0x0c, 0x41, 0xd0, 0x05, 0x01};
  const std::uint8_t ports[]{0x47, 1, 0xf8, 0x03, 0xf8, 0x03, 1, 8};
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(uart))), 1);
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(ports))), 1);
}

TEST_F(Acpi, DsdtTellsWhereTheGenerationIdIsAndWhichInterruptTellsOfANewOne) {
  // Name (ADDR, Package (2) {0x000ff000, 0})
  const std::uint8_t address[]{0x08, 'A',  'D',  'D',  'R',  0x12, 9,   2,
                               0x0c, 0x00, 0xf0, 0x0f, 0x00, 0x0a, 0x00};
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(address))), 1);
  // Method (_EVT, 1, Serialized) {Notify (VGEN, 0x80)}
  const std::uint8_t event[]{0x14, 13, '_', 'E', 'V', 'T', 0x09, 0x86, 'V', 'G', 'E', 'N', 0x0a, 0x80};
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(event))), 1);
  const std::uint8_t interrupt[]{0x89, 6, 0, 3, 1, 23, 0, 0, 0};
  EXPECT_EQ(count(dsdt(), std::as_bytes(std::span(interrupt))), 1);
}

// Walks the AML as far as lengths go: a wrong package length runs over or falls short of the table's end.
TEST_F(Acpi, PackageLengthsAddUp) {
  std::vector<AcpiVirtioDevice> many(100, {Gpa{0xd000'0000}, 0x1000, 5});
  for (const std::size_t devices : {0UL, 1UL, 2UL, 60UL, 100UL}) {
    all_ = acpi_tables(1, std::span(many).first(devices));
    const Bytes code = dsdt().subspan(36);
    // Name (_S5_, Package (4) {5, 0, 0, 0}) is 16 bytes: 08, 4 of name, 12, length, count, 4 elements of 2.
    const Bytes scope = code.subspan(16);
    ASSERT_EQ(scope[0], std::byte{0x10});
    const auto lead = std::to_integer<std::size_t>(scope[1]);
    std::size_t length = lead;
    if (const std::size_t more = lead >> 6U; more != 0) {
      length = lead & 0xfU;
      for (std::size_t i = 0; i < more; ++i)
        length |= std::to_integer<std::size_t>(scope[2 + i]) << (4 + 8 * i);
    }
    EXPECT_EQ(length + 1, scope.size()) << devices << " devices";
  }
}

TEST_F(Acpi, LargestGuestFits) {
  const std::vector<AcpiVirtioDevice> many(512, {Gpa{0xd000'0000}, 0x1000, 5});
  EXPECT_LE(acpi_tables(255, many).size(), layout::acpi_bytes);
}

}  // namespace
}  // namespace samepage::vmm
