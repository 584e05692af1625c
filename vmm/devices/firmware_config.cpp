// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/firmware_config.hpp"

#include <algorithm>

#include "base/byte_writer.hpp"

namespace samepage::vmm {
namespace {

enum Item : std::uint16_t { signature = 0, features = 1, ram_size = 3, cpu_count = 5, max_cpu_count = 15 };

template <typename Value>
std::vector<std::byte> bytes_of(Value value) {
  ByteWriter writer;
  writer.put(value);
  return writer.take();
}

}  // namespace

FirmwareConfig::FirmwareConfig(unsigned cpus, std::uint64_t ram_bytes)
    : items_{{signature, bytes_of(std::uint32_t{0x554d'4551})},  // "QEMU"
             {features, bytes_of(std::uint32_t{1})},             // these two ports and nothing else
             {ram_size, bytes_of(ram_bytes)},
             {cpu_count, bytes_of(static_cast<std::uint16_t>(cpus))},
             {max_cpu_count, bytes_of(static_cast<std::uint16_t>(cpus))}} {}

void FirmwareConfig::write(std::uint16_t offset, std::span<const std::byte> data) {
  if (offset != 0 || data.size() != 2) return;  // the data can't be written any more, says QEMU
  const auto item = static_cast<std::uint16_t>(std::to_integer<unsigned>(data[0]) |
                                               std::to_integer<unsigned>(data[1]) << 8U);
  const std::lock_guard guard(lock_);
  select(item);
}

void FirmwareConfig::select(std::uint16_t item) {
  selected_ = items_.find(item);
  next_ = 0;
}

void FirmwareConfig::read(std::uint16_t offset, std::span<std::byte> data) {
  std::fill(data.begin(), data.end(), std::byte{0});
  const std::lock_guard guard(lock_);
  if (offset != 1 || selected_ == items_.end()) return;
  const std::vector<std::byte>& item = selected_->second;
  for (std::byte& byte : data) {
    if (next_ < item.size()) byte = item[next_++];
  }
}

FirmwareConfigState FirmwareConfig::save() {
  const std::lock_guard guard(lock_);
  if (selected_ == items_.end()) return {};
  return {selected_->first, static_cast<std::uint32_t>(next_)};
}

// What lies beyond an item's end reads as zeros, wherever `next` comes from.
void FirmwareConfig::restore(const FirmwareConfigState& state) {
  const std::lock_guard guard(lock_);
  selected_ = state.selected ? items_.find(*state.selected) : items_.end();
  next_ = state.next;
}

}  // namespace samepage::vmm
