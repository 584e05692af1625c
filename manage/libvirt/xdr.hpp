// SPDX-License-Identifier: Apache-2.0
// XDR (RFC 4506), as libvirt's protocol uses it: big-endian values in units of four bytes. Pure. What is read
// comes from a client that may say anything: each length is checked against a limit and against the bytes
// that are there before anything is made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samepage::libvirt {

using Bytes = std::vector<std::byte>;

/// The longest text that libvirt sends or takes.
inline constexpr std::uint32_t max_text = 4U << 20U;

class XdrWriter {
 public:
  XdrWriter() = default;
  /// With room for `reserved` bytes ahead, for what is known at the end.
  explicit XdrWriter(std::size_t reserved) : bytes_(reserved) {}

  XdrWriter& u32(std::uint32_t value);
  XdrWriter& i32(std::int32_t value) { return u32(static_cast<std::uint32_t>(value)); }
  XdrWriter& u64(std::uint64_t value);
  XdrWriter& i64(std::int64_t value) { return u64(static_cast<std::uint64_t>(value)); }
  XdrWriter& f64(double value);
  XdrWriter& boolean(bool value) { return u32(value ? 1 : 0); }
  XdrWriter& text(std::string_view value);
  XdrWriter& optional_text(const std::optional<std::string>& value);
  /// With its length ahead.
  XdrWriter& opaque(std::span<const std::byte> value);
  /// Without, for what always has the same.
  XdrWriter& fixed(std::span<const std::byte> value);
  /// As it is, not even filled up to whole units: a stream's data.
  XdrWriter& raw(std::span<const std::byte> bytes);
  /// The number of what follows.
  XdrWriter& count(std::size_t items) { return u32(static_cast<std::uint32_t>(items)); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Throws Error (VIR_ERR_RPC) where the bytes are not what they should be.
class XdrReader {
 public:
  explicit XdrReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint32_t u32();
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::uint64_t u64();
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  double f64();
  bool boolean();
  std::string text(std::uint32_t longest = max_text);
  std::optional<std::string> optional_text(std::uint32_t longest = max_text);
  std::span<const std::byte> opaque(std::uint32_t longest);
  std::span<const std::byte> fixed(std::size_t size);
  /// The number of items that follow, each of at least `least_bytes`: there are no more than there are bytes
  /// for, so room for them can be made.
  std::uint32_t count(std::uint32_t most, std::size_t least_bytes);

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace samepage::libvirt
