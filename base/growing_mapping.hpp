// SPDX-License-Identifier: Apache-2.0
// Zeroed memory for an array that grows and shrinks at its end. It takes address space, and commit charge
// where the host counts that (vm.overcommit_memory=2), for what it holds and not for all that it may ever
// hold. The kernel moves page tables, not bytes, so that growing costs no copy. Addresses change when it
// grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace samepage {

class GrowingMapping {
 public:
  GrowingMapping() = default;
  GrowingMapping(GrowingMapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  GrowingMapping& operator=(GrowingMapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  GrowingMapping(const GrowingMapping&) = delete;
  GrowingMapping& operator=(const GrowingMapping&) = delete;
  ~GrowingMapping();

  /// Room for at least `bytes`. Throws std::system_error, and then nothing has changed.
  void grow(std::size_t bytes);
  /// The memory beyond `bytes` may be freed. When the mapping grows again, it is zero there.
  void shrink(std::size_t bytes) noexcept;
  /// [begin, end) is zero again. Whole pages of memory in it are given back to the host.
  void clear(std::size_t begin, std::size_t end) noexcept;

  [[nodiscard]] std::byte* data() const { return address_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* address_ = nullptr;
  std::size_t size_ = 0;
};

/// The same, of numbers or structures that are nothing but numbers.
template <typename T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  /// Zeroes, until they are written. Throws std::system_error, and then nothing has changed.
  void grow(std::size_t count) { memory_.grow(count * sizeof(T)); }
  void shrink(std::size_t count) noexcept { memory_.shrink(count * sizeof(T)); }
  void clear(std::size_t begin, std::size_t end) noexcept {
    memory_.clear(begin * sizeof(T), end * sizeof(T));
  }
  [[nodiscard]] std::size_t size() const { return memory_.size() / sizeof(T); }
  // SAFETY: zeroed memory that holds Ts and nothing else.
  [[nodiscard]] T& operator[](std::size_t at) const { return reinterpret_cast<T*>(memory_.data())[at]; }

 private:
  GrowingMapping memory_;
};

}  // namespace samepage
