// SPDX-License-Identifier: Apache-2.0
// libvirt's named values: figures of guests and of the host, and settings. The names are libvirt's macros
// where it has one (VIR_DOMAIN_STATS_..., VIR_NODE_MEMORY_...), and clients show them as they are.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace samepage::libvirt {

/// The order is that of virTypedParameterType, less 1.
using Value =
    std::variant<std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, bool, std::string>;

struct TypedParameter {
  std::string field;  // at most 79 bytes
  Value value;

  friend bool operator==(const TypedParameter&, const TypedParameter&) = default;
};

}  // namespace samepage::libvirt
