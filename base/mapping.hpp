// SPDX-License-Identifier: Apache-2.0
// The owner of a range of this process's address space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace samepage {

/// Owns one mapped range. Unmaps all of it on destruction, also what was mapped over parts of it since.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  /// Private zeroed memory, reserved now and committed page by page on first touch.
  static Mapping anonymous(std::size_t bytes);
  /// A file's bytes from `offset` on, read and write, shared with everybody who maps them.
  static Mapping shared(int fd, std::size_t bytes, std::uint64_t offset = 0);
  /// A file's bytes from `offset` on, to read only.
  static Mapping read_only(int fd, std::size_t bytes, std::uint64_t offset = 0);

  [[nodiscard]] std::byte* data() const { return address_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {address_, size_}; }
  explicit operator bool() const { return address_ != nullptr; }

 private:
  Mapping(std::byte* address, std::size_t size) : address_(address), size_(size) {}

  std::byte* address_ = nullptr;
  std::size_t size_ = 0;
};

/// The end of a sentence that starts "cannot use FILE: ", with the way out, for a file whose mapping failed.
std::string why_not_mapped(std::uint64_t bytes, const std::system_error& error);

}  // namespace samepage
