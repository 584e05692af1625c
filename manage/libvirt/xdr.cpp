// SPDX-License-Identifier: Apache-2.0
#include "manage/libvirt/xdr.hpp"

#include <fmt/format.h>

#include <bit>

#include "manage/libvirt/error.hpp"

namespace samepage::libvirt {
namespace {

constexpr std::size_t unit = 4;

constexpr std::size_t padding(std::size_t size) {
  return (unit - size % unit) % unit;
}

[[noreturn]] void fail(const std::string& why) {
  throw Error(VIR_ERR_RPC, "Unable to decode message payload: " + why, VIR_FROM_RPC);
}

}  // namespace

XdrWriter& XdrWriter::u32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes_.push_back(static_cast<std::byte>(value >> shift));
  return *this;
}

XdrWriter& XdrWriter::u64(std::uint64_t value) {
  return u32(static_cast<std::uint32_t>(value >> 32U)).u32(static_cast<std::uint32_t>(value));
}

XdrWriter& XdrWriter::f64(double value) {
  return u64(std::bit_cast<std::uint64_t>(value));
}

XdrWriter& XdrWriter::text(std::string_view value) {
  return opaque(std::as_bytes(std::span(value)));
}

XdrWriter& XdrWriter::optional_text(const std::optional<std::string>& value) {
  boolean(value.has_value());
  return value ? text(*value) : *this;
}

XdrWriter& XdrWriter::opaque(std::span<const std::byte> value) {
  return count(value.size()).fixed(value);
}

XdrWriter& XdrWriter::raw(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

XdrWriter& XdrWriter::fixed(std::span<const std::byte> value) {
  raw(value);
  bytes_.resize(bytes_.size() + padding(value.size()));
  return *this;
}

std::uint32_t XdrReader::u32() {
  std::uint32_t value = 0;
  for (const std::byte byte : fixed(unit)) value = value << 8U | std::to_integer<std::uint32_t>(byte);
  return value;
}

std::uint64_t XdrReader::u64() {
  const std::uint64_t high = u32();
  return high << 32U | u32();
}

double XdrReader::f64() {
  return std::bit_cast<double>(u64());
}

bool XdrReader::boolean() {
  const std::uint32_t value = u32();
  if (value > 1) fail(fmt::format("{} is neither true nor false", value));
  return value == 1;
}

std::string XdrReader::text(std::uint32_t longest) {
  const std::span<const std::byte> bytes = opaque(longest);
  std::string text(bytes.size(), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) text[i] = static_cast<char>(bytes[i]);
  // Names and XML go on to what takes them for the end.
  if (text.find('\0') != std::string::npos) fail("a text has a zero in it");
  return text;
}

std::optional<std::string> XdrReader::optional_text(std::uint32_t longest) {
  if (!boolean()) return std::nullopt;
  return text(longest);
}

std::span<const std::byte> XdrReader::opaque(std::uint32_t longest) {
  const std::uint32_t size = u32();
  if (size > longest) fail(fmt::format("{} bytes where at most {} may be", size, longest));
  return fixed(size);
}

std::span<const std::byte> XdrReader::fixed(std::size_t size) {
  const std::size_t whole = size + padding(size);
  if (whole > bytes_.size()) fail("it is too short");
  const std::span<const std::byte> value = bytes_.first(size);
  bytes_ = bytes_.subspan(whole);
  return value;
}

std::uint32_t XdrReader::count(std::uint32_t most, std::size_t least_bytes) {
  const std::uint32_t items = u32();
  if (items > most) fail(fmt::format("{} items where at most {} may be", items, most));
  if (items > bytes_.size() / least_bytes) fail("it is too short");
  return items;
}

}  // namespace samepage::libvirt
