// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi.hpp"

#include <fmt/format.h>

#include <numeric>
#include <string_view>

#include "base/byte_writer.hpp"
#include "base/check.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/aml.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

using Table = std::vector<std::byte>;

constexpr std::size_t header_bytes = 36;
constexpr std::size_t header_checksum = 9;
constexpr std::size_t rsdp_bytes = 36;
constexpr std::size_t fadt_bytes = 276;  // revision 6

// FADT, table 5.9: fixed feature flags and IA-PC boot architecture flags.
constexpr std::uint32_t wbinvd_works = 1U << 0U;
constexpr std::uint32_t no_power_button = 1U << 4U;  // no fixed one
constexpr std::uint32_t no_sleep_button = 1U << 5U;
constexpr std::uint32_t has_reset_register = 1U << 10U;
constexpr std::uint32_t hardware_reduced = 1U << 20U;
constexpr std::uint16_t no_vga = 1U << 2U;
constexpr std::uint16_t no_msi = 1U << 3U;
constexpr std::uint16_t no_cmos_clock = 1U << 5U;

std::byte checksum(std::span<const std::byte> bytes) {
  const auto add = [](unsigned sum, std::byte byte) { return sum + std::to_integer<unsigned>(byte); };
  return static_cast<std::byte>(0x100U - (std::accumulate(bytes.begin(), bytes.end(), 0U, add) & 0xffU));
}

void put_header(ByteWriter& out, std::string_view signature, std::uint8_t revision) {
  out.text(signature).put(std::uint32_t{0}).put(revision).put(std::uint8_t{0});
  out.text("SAMEPGSAMEPAGE").put(std::uint32_t{1}).text("SMPG").put(std::uint32_t{1});
}

/// Fills in the length and the checksum of a table that put_header() began.
Table finish(ByteWriter& out) {
  Table table = out.take();
  const auto length = static_cast<std::uint32_t>(table.size());
  const auto bytes = std::as_bytes(std::span(&length, 1));
  std::copy(bytes.begin(), bytes.end(), table.begin() + 4);
  table[header_checksum] = checksum(table);
  return table;
}

// ACPI 6.5, 5.2.3.2: one byte wide, in the I/O ports.
void put_port(ByteWriter& out, std::uint16_t port) {
  out.put(std::uint8_t{1}).put(std::uint8_t{8}).put(std::uint8_t{0}).put(std::uint8_t{1});
  out.put(std::uint64_t{port});
}

Table rsdp(Gpa xsdt) {
  constexpr std::size_t first_part = 20;  // what revision 0 had; its checksum covers no more
  ByteWriter out;
  out.text("RSD PTR ").put(std::uint8_t{0}).text("SAMEPG").put(std::uint8_t{2});
  out.put(std::uint32_t{0}).put(std::uint32_t{rsdp_bytes}).put(xsdt.value).zeros(4);
  Table table = out.take();
  table[8] = checksum(std::span(table).first(first_part));
  table[32] = checksum(table);
  return table;
}

Table xsdt(Gpa fadt, Gpa madt) {
  ByteWriter out;
  put_header(out, "XSDT", 1);
  out.put(fadt.value).put(madt.value);
  return finish(out);
}

Table fadt(Gpa dsdt) {
  ByteWriter out;
  put_header(out, "FACP", 6);
  out.pad_to(40).put(static_cast<std::uint32_t>(dsdt.value));
  out.pad_to(109).put(std::uint16_t{no_vga | no_msi | no_cmos_clock});
  out.pad_to(112).put(std::uint32_t{wbinvd_works | no_power_button | no_sleep_button | has_reset_register |
                                    hardware_reduced});
  put_port(out, layout::acpi_reset_port);
  out.put(acpi_reset_value);
  out.pad_to(131).put(std::uint8_t{5});  // minor version: 6.5
  out.pad_to(140).put(dsdt.value);
  out.pad_to(244);
  put_port(out, layout::acpi_sleep_control_port);
  put_port(out, layout::acpi_sleep_status_port);
  out.text("SAMEPAGE");
  invariant(out.size() == fadt_bytes, "the FADT has the wrong size");
  return finish(out);
}

Table madt(unsigned cpus) {
  ByteWriter out;
  put_header(out, "APIC", 5);
  out.put(static_cast<std::uint32_t>(layout::local_apic.value)).put(std::uint32_t{0});
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {  // type 0, enabled; 255 is the broadcast: no CPU has it
    const auto id = static_cast<std::uint8_t>(cpu);
    out.put(std::uint8_t{0}).put(std::uint8_t{8}).put(id).put(id).put(std::uint32_t{1});
  }
  out.put(std::uint8_t{1}).put(std::uint8_t{12}).put(std::uint16_t{0});  // type 1, IOAPIC 0, from GSI 0 on
  out.put(static_cast<std::uint32_t>(layout::io_apic.value)).put(std::uint32_t{0});
  return finish(out);
}

aml::Term com1() {
  const aml::Term resources[]{aml::io_ports(abi::com1_port, 8), aml::interrupt(layout::com1_gsi)};
  const aml::Term content[]{aml::name("_HID", aml::eisa_id("PNP0501")), aml::name("_UID", aml::integer(0)),
                            aml::name("_CRS", aml::resources(resources))};
  return aml::device("COM1", content);
}

aml::Term virtio(unsigned number, const AcpiVirtioDevice& device) {
  invariant(device.address + device.bytes <= layout::high_ram && device.bytes != 0,
            "a virtio device is not below 4 GiB");
  const aml::Term resources[]{
      aml::memory(static_cast<std::uint32_t>(device.address.value), static_cast<std::uint32_t>(device.bytes)),
      aml::interrupt(device.gsi)};
  const aml::Term content[]{aml::name("_HID", aml::string("LNRO0005")),
                            aml::name("_UID", aml::integer(number)),
                            aml::name("_CRS", aml::resources(resources))};
  return aml::device(fmt::format("V{:03X}", number), content);
}

// Microsoft's "Virtual Machine Generation ID", as Linux' driver vmgenid looks for it.
aml::Term generation_id() {
  const aml::Term ids[]{aml::string("VM_Gen_Counter"), aml::string("VMGENCTR")};
  const aml::Term address[]{aml::integer(static_cast<std::uint32_t>(layout::generation_id.value)),
                            aml::integer(0)};
  const aml::Term content[]{aml::name("_HID", aml::string("SMPG0001")), aml::name("_CID", aml::package(ids)),
                            aml::name("_DDN", aml::string("VM_Gen_Counter")),
                            aml::name("ADDR", aml::package(address))};
  return aml::device("VGEN", content);
}

// ACPI 6.5, 5.6.9: on a hardware-reduced platform events come by interrupts of this device.
aml::Term events() {
  constexpr std::uint8_t has_changed = 0x80;
  const aml::Term resources[]{aml::interrupt(layout::generation_gsi)};
  const aml::Term happened[]{aml::notify("VGEN", has_changed)};
  const aml::Term content[]{aml::name("_HID", aml::string("ACPI0013")), aml::name("_UID", aml::integer(0)),
                            aml::name("_CRS", aml::resources(resources)), aml::method("_EVT", happened)};
  return aml::device("GED0", content);
}

Table dsdt(std::span<const AcpiVirtioDevice> devices) {
  std::vector<aml::Term> content{com1(), generation_id(), events()};
  for (unsigned i = 0; i < devices.size(); ++i) content.push_back(virtio(i, devices[i]));
  const aml::Term s5[]{aml::integer(acpi_s5_type), aml::integer(0), aml::integer(0), aml::integer(0)};
  ByteWriter out;
  put_header(out, "DSDT", 2);
  out.put(aml::name("_S5_", aml::package(s5))).put(aml::scope("\\_SB_", content));
  return finish(out);
}

void append(Table& to, const Table& table) {
  to.insert(to.end(), table.begin(), table.end());
  to.resize((to.size() + 15) & ~std::size_t{15});
}

}  // namespace

std::vector<std::byte> acpi_tables(unsigned cpus, std::span<const AcpiVirtioDevice> devices) {
  // The RSDP and the XSDT come first and have fixed sizes, so every address is known when it is written.
  constexpr std::size_t xsdt_offset = 48;
  constexpr std::size_t dsdt_offset = xsdt_offset + 64;
  static_assert(xsdt_offset >= rsdp_bytes && dsdt_offset >= xsdt_offset + header_bytes + 16);
  invariant(cpus <= 255, "APIC ids have 8 bits");
  const Gpa base = layout::acpi_tables;
  Table body = dsdt(devices);
  body.resize((body.size() + 15) & ~std::size_t{15});
  const Gpa fadt_address = base + dsdt_offset + body.size();
  append(body, fadt(base + dsdt_offset));
  const Gpa madt_address = base + dsdt_offset + body.size();
  append(body, madt(cpus));

  Table all = rsdp(base + xsdt_offset);
  all.resize(xsdt_offset);
  append(all, xsdt(fadt_address, madt_address));
  invariant(all.size() == dsdt_offset, "the XSDT has the wrong size");
  all.insert(all.end(), body.begin(), body.end());
  invariant(all.size() <= layout::acpi_bytes, "the ACPI tables do not fit below 1 MiB");
  return all;
}

}  // namespace samepage::vmm
