// SPDX-License-Identifier: Apache-2.0
// The little of ACPI's machine language that describes devices: each function returns the bytes of one term.
// Pure. ACPI 6.5, chapter 20; resource descriptors: 6.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace samepage::vmm::aml {

using Term = std::vector<std::byte>;

Term join(std::span<const Term> terms);

/// Names are four characters, "\\" or "\\" with one name behind it.
Term scope(std::string_view name, std::span<const Term> content);
Term device(std::string_view name, std::span<const Term> content);
Term name(std::string_view name, const Term& value);

/// With one argument; `content` is what it does.
Term method(std::string_view name, std::span<const Term> content);
/// Tells the operating system that something has happened to a device.
Term notify(std::string_view device, std::uint8_t what);

Term integer(std::uint32_t value);
Term string(std::string_view text);
/// "PNP0501" as the compressed number that _HID may hold.
Term eisa_id(std::string_view id);
Term package(std::span<const Term> elements);

/// A _CRS value: the descriptors below, in a buffer.
Term resources(std::span<const Term> descriptors);
Term io_ports(std::uint16_t first, std::uint8_t count);
Term memory(std::uint32_t address, std::uint32_t bytes);
/// Edge-triggered, active high, not shared.
Term interrupt(std::uint32_t gsi);

}  // namespace samepage::vmm::aml
