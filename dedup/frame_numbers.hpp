// SPDX-License-Identifier: Apache-2.0
// How frames are numbered: those of a domain's store from 0 on, and behind them, for each paging file, the
// slots of the domain's part of it. One number says in which file a frame is and where. Agent and daemon
// agree on this, as on the protocol. Pure.
#pragma once

#include <cstdint>

#include "base/types.hpp"

namespace samepage::dedup {

/// The bits of a slot's number are the file's (4) and the slot's in it (25).
inline constexpr std::uint32_t max_store_frames = 1U << 29;
inline constexpr unsigned max_paging_files = 16;
/// 128 GiB less a page; the last number of all is not one, the daemon's index needs it.
inline constexpr std::uint32_t max_slots = (1U << 25) - 1;

constexpr bool is_slot(FrameId frame) {
  return frame.value >= max_store_frames;
}
/// Of a slot: the paging file, from 0 on.
constexpr unsigned paging_file_of(FrameId slot) {
  return slot.value >> 25 & 15U;
}
/// Of a slot: its ordinal in the domain's part of the file.
constexpr std::uint32_t ordinal_of(FrameId slot) {
  return slot.value & max_slots;
}
constexpr FrameId slot_at(unsigned file, std::uint32_t ordinal) {
  return {max_store_frames | file << 25 | ordinal};
}
/// Where a frame begins in the file that it is in, in bytes.
constexpr std::uint64_t offset_in_file(FrameId frame) {
  return is_slot(frame) ? PageCount{ordinal_of(frame)}.bytes() : frame.offset();
}

static_assert(!is_slot({max_store_frames - 1}));
static_assert(paging_file_of(slot_at(15, 7)) == 15 && ordinal_of(slot_at(15, 7)) == 7);
static_assert(slot_at(max_paging_files - 1, max_slots).value == (1U << 30) - 1);

}  // namespace samepage::dedup
