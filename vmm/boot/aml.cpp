// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/aml.hpp"

#include <bit>

#include "base/byte_writer.hpp"
#include "base/check.hpp"

namespace samepage::vmm::aml {
namespace {

// ACPI 6.5, 20.2.3 and 20.2.5.
enum Opcode : std::uint8_t {
  name_op = 0x08,
  byte_prefix = 0x0a,
  dword_prefix = 0x0c,
  string_prefix = 0x0d,
  scope_op = 0x10,
  buffer_op = 0x11,
  package_op = 0x12,
  method_op = 0x14,
  notify_op = 0x86,
  extended_prefix = 0x5b,
  device_op = 0x82,  // after the prefix
};

// ACPI 6.5, 6.4.2 and 6.4.3.
enum Descriptor : std::uint8_t {
  io_port = 0x47,
  end_tag = 0x79,
  memory_32_fixed = 0x86,
  extended_interrupt = 0x89,
};

Term encoded_name(std::string_view name) {
  const std::size_t root = name.starts_with('\\') ? 1 : 0;
  invariant(name.size() == root + 4 || (root == 1 && name.size() == 1), "an ACPI name is malformed");
  ByteWriter out;
  out.text(name);
  if (name.size() == root) out.put(std::uint8_t{0});  // the root itself: a null name
  return out.take();
}

// The length of a package counts its own bytes: one for up to 63, else a byte with the low 4 bits and how
// many follow.
Term package_length(std::size_t content) {
  ByteWriter out;
  if (content + 1 <= 0x3f) return out.put(static_cast<std::uint8_t>(content + 1)).take();
  unsigned more = 1;
  while (content + 1 + more >= std::size_t{1} << (4 + 8 * more)) ++more;
  invariant(more <= 3, "an ACPI package is too long");
  const std::size_t length = content + 1 + more;
  out.put(static_cast<std::uint8_t>(more << 6U | (length & 0xfU)));
  for (unsigned i = 0; i < more; ++i) out.put(static_cast<std::uint8_t>(length >> (4 + 8 * i)));
  return out.take();
}

/// An opcode whose content has a length in front.
Term sized(std::span<const std::uint8_t> opcode, std::span<const Term> content) {
  const Term all = join(content);
  ByteWriter out;
  return out.put(std::as_bytes(opcode)).put(package_length(all.size())).put(all).take();
}

Term named_block(std::span<const std::uint8_t> opcode, std::string_view name, std::span<const Term> content) {
  const Term inner[]{encoded_name(name), join(content)};
  return sized(opcode, inner);
}

}  // namespace

Term join(std::span<const Term> terms) {
  ByteWriter out;
  for (const Term& term : terms) out.put(term);
  return out.take();
}

Term scope(std::string_view name, std::span<const Term> content) {
  const std::uint8_t opcode[]{scope_op};
  return named_block(opcode, name, content);
}

Term device(std::string_view name, std::span<const Term> content) {
  const std::uint8_t opcode[]{extended_prefix, device_op};
  return named_block(opcode, name, content);
}

Term name(std::string_view name, const Term& value) {
  ByteWriter out;
  return out.put(std::uint8_t{name_op}).put(encoded_name(name)).put(value).take();
}

Term method(std::string_view name, std::span<const Term> content) {
  constexpr std::uint8_t one_argument_serialized = 0x09;
  ByteWriter flags;
  flags.put(one_argument_serialized);
  const std::uint8_t opcode[]{method_op};
  const Term inner[]{encoded_name(name), flags.take(), join(content)};
  return sized(opcode, inner);
}

Term notify(std::string_view device, std::uint8_t what) {
  ByteWriter out;
  return out.put(std::uint8_t{notify_op}).put(encoded_name(device)).put(integer(what)).take();
}

Term integer(std::uint32_t value) {
  ByteWriter out;
  if (value > 0xff) return out.put(std::uint8_t{dword_prefix}).put(value).take();
  return out.put(std::uint8_t{byte_prefix}).put(static_cast<std::uint8_t>(value)).take();
}

Term string(std::string_view text) {
  ByteWriter out;
  return out.put(std::uint8_t{string_prefix}).text(text).put(std::uint8_t{0}).take();
}

// Three letters of 5 bits, four hexadecimal digits, most significant byte first.
Term eisa_id(std::string_view id) {
  invariant(id.size() == 7, "an EISA id has seven characters");
  std::uint32_t value = 0;
  for (const char letter : id.substr(0, 3))
    value = value << 5U | (static_cast<std::uint32_t>(letter) & 0x1fU);
  for (const char digit : id.substr(3)) {
    value = value << 4U | static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'A' + 10);
  }
  ByteWriter out;
  return out.put(std::uint8_t{dword_prefix}).put(__builtin_bswap32(value)).take();
}

Term package(std::span<const Term> elements) {
  ByteWriter count;
  count.put(static_cast<std::uint8_t>(elements.size()));
  const std::uint8_t opcode[]{package_op};
  const Term content[]{count.take(), join(elements)};
  return sized(opcode, content);
}

Term resources(std::span<const Term> descriptors) {
  ByteWriter bytes;
  bytes.put(join(descriptors)).put(std::uint8_t{end_tag}).put(std::uint8_t{0});  // 0: no checksum
  const std::uint8_t opcode[]{buffer_op};
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const Term content[]{integer(size), bytes.take()};
  return sized(opcode, content);
}

Term io_ports(std::uint16_t first, std::uint8_t count) {
  ByteWriter out;
  out.put(std::uint8_t{io_port}).put(std::uint8_t{1});  // 1: all 16 address bits are decoded
  return out.put(first).put(first).put(std::uint8_t{1}).put(count).take();
}

Term memory(std::uint32_t address, std::uint32_t bytes) {
  ByteWriter out;
  out.put(std::uint8_t{memory_32_fixed}).put(std::uint16_t{9}).put(std::uint8_t{1});  // 1: may be written
  return out.put(address).put(bytes).take();
}

Term interrupt(std::uint32_t gsi) {
  constexpr std::uint8_t consumer_edge_high_exclusive = 0x03;
  ByteWriter out;
  out.put(std::uint8_t{extended_interrupt}).put(std::uint16_t{6}).put(consumer_edge_high_exclusive);
  return out.put(std::uint8_t{1}).put(gsi).take();
}

}  // namespace samepage::vmm::aml
