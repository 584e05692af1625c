// SPDX-License-Identifier: Apache-2.0
// One of the kernel's structures as a plain value that can be compared: all of it is bytes without meaning
// of their own to us.
#pragma once

#include <cstring>
#include <type_traits>

namespace samepage::vmm {

template <typename Structure>
struct KernelValue : Structure {
  static_assert(std::is_trivially_copyable_v<Structure>);
  using Kernel = Structure;

  friend bool operator==(const KernelValue& a, const KernelValue& b) {
    return std::memcmp(&a, &b, sizeof(Structure)) == 0;
  }
};

}  // namespace samepage::vmm
