// SPDX-License-Identifier: Apache-2.0
// What several procedures do alike. For the files of the table alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "manage/libvirt/error.hpp"
#include "manage/libvirt/procedures.hpp"
#include "manage/libvirt/wire_values.hpp"

namespace samepage::libvirt {

// The words of the table.
inline constexpr auto reads = Access::reads;
inline constexpr auto writes = Access::writes;
inline constexpr auto quick = Pace::quick;
inline constexpr auto slow = Pace::slow;

/// The last argument of a call of which we have no variants.
inline void take_no_flags(XdrReader& in, const char* function, std::uint32_t harmless = 0) {
  if (const std::uint32_t flags = in.u32() & ~harmless; flags != 0) throw unsupported_flags(function, flags);
}

/// How many items a caller has room for.
inline std::size_t take_room(XdrReader& in) {
  const std::int32_t room = in.i32();
  if (room < 0) throw invalid_argument("the number of items is below 0");
  return static_cast<std::size_t>(room);
}

/// The two steps in which clients ask for lists: without room they are told how many items there are.
template <typename Items, typename Put>
void put_in_steps(XdrWriter& out, const Items& items, std::size_t room, Put put_item) {
  const std::size_t told = std::min(items.size(), room);
  out.count(told);
  for (std::size_t i = 0; i < told; ++i) put_item(items[i]);
  out.count(room == 0 ? items.size() : told);
}

}  // namespace samepage::libvirt
