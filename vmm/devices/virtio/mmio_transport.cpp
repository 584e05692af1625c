// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/mmio_transport.hpp"

#include <algorithm>
#include <cstring>

namespace samepage::vmm {
namespace {

// virtio 1.2, table 4.1
enum Register : std::uint64_t {
  magic_value = 0x00,
  version = 0x04,
  device_id = 0x08,
  vendor_id = 0x0c,
  device_features = 0x10,
  device_features_sel = 0x14,
  driver_features = 0x20,
  driver_features_sel = 0x24,
  queue_sel = 0x30,
  queue_num_max = 0x34,
  queue_num = 0x38,
  queue_ready = 0x44,
  queue_notify = 0x50,
  interrupt_status = 0x60,
  interrupt_ack = 0x64,
  status = 0x70,
  queue_desc_low = 0x80,
  queue_desc_high = 0x84,
  queue_driver_low = 0x90,
  queue_driver_high = 0x94,
  queue_device_low = 0xa0,
  queue_device_high = 0xa4,
  shared_memory_length_low = 0xb0,
  shared_memory_base_high = 0xbc,
  config_generation = 0xfc,
  configuration = 0x100,
};

static_assert(MmioTransport::notify_offset == queue_notify);

constexpr std::uint32_t magic = 0x7472'6976;   // "virt"
constexpr std::uint32_t vendor = 0x4750'4d53;  // "SMPG"

void set_low(Gpa& address, std::uint32_t value) {
  address.value = (address.value & ~std::uint64_t{0xffff'ffff}) | value;
}
void set_high(Gpa& address, std::uint32_t value) {
  address.value = (address.value & 0xffff'ffff) | std::uint64_t{value} << 32U;
}

}  // namespace

MmioTransport::MmioTransport(VirtioDevice& device, const GuestRam& ram, DeviceGate& gate,
                             std::function<void()> raise, std::function<void()> wake)
    : device_(device),
      state_(ram, gate, std::move(raise), device.features(), device.queue_sizes()),
      wake_(std::move(wake)) {}

void MmioTransport::read(std::uint64_t offset, std::span<std::byte> data) {
  std::fill(data.begin(), data.end(), std::byte{0});
  if (offset >= configuration) return device_.read_config(offset - configuration, data);
  if (data.size() != sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0) return;
  const std::uint32_t value = read_register(offset);
  std::memcpy(data.data(), &value, sizeof(value));
}

void MmioTransport::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (offset >= configuration) return device_.write_config(offset - configuration, data);
  std::uint32_t value = 0;
  if (data.size() != sizeof(value) || offset % sizeof(value) != 0) return;
  std::memcpy(&value, data.data(), sizeof(value));
  write_register(offset, value);
}

TransportState MmioTransport::save() const {
  return {device_features_half_, driver_features_half_, queue_, state_.save()};
}

std::optional<std::string_view> MmioTransport::restore(const TransportState& state) {
  if (const auto fault = state_.restore(state.registers)) return fault;
  device_features_half_ = state.device_features_half;
  driver_features_half_ = state.driver_features_half;
  queue_ = state.queue;
  return std::nullopt;
}

std::uint32_t MmioTransport::read_register(std::uint64_t offset) const {
  const std::uint32_t queue = queue_;
  const bool known = queue < state_.queues();
  switch (offset) {
    case magic_value:
      return magic;
    case version:
      return 2;
    case device_id:
      return device_.id();
    case vendor_id:
      return vendor;
    case device_features: {
      const std::uint32_t half = device_features_half_;
      return half > 1 ? 0 : static_cast<std::uint32_t>(state_.offered_features() >> 32 * half);
    }
    case queue_num_max:
      return known ? state_.max_size(queue) : 0;
    case queue_ready:
      return known && state_.ready(queue) ? 1 : 0;
    case interrupt_status:
      return state_.interrupt_causes();
    case status:
      return state_.status();
    case config_generation:
      return state_.configuration_generation();
    default:
      // No shared memory regions: their length and base are all ones (virtio 1.2, 4.2.2).
      return offset >= shared_memory_length_low && offset <= shared_memory_base_high ? ~std::uint32_t{0} : 0;
  }
}

void MmioTransport::write_register(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case device_features_sel:
      device_features_half_ = value;
      return;
    case driver_features:
      return state_.set_features_half(driver_features_half_, value);
    case driver_features_sel:
      driver_features_half_ = value;
      return;
    case queue_sel:
      queue_ = value;
      return;
    case queue_notify:
      return wake_();
    case interrupt_ack:
      return state_.acknowledge_interrupt(value);
    case status:
      // A device that has input of its own begins to look at it now.
      if (state_.set_status(value)) wake_();
      return;
    default:
      return write_queue_register(offset, value);
  }
}

void MmioTransport::write_queue_register(std::uint64_t offset, std::uint32_t value) {
  const std::uint32_t queue = queue_;
  if (queue >= state_.queues()) return;
  if (offset == queue_ready) return state_.set_ready(queue, value == 1);
  state_.edit_place(queue, [&](QueuePlace& place) {
    switch (offset) {
      case queue_num:
        // What does not fit is no power of two either, and refused when the queue is made ready.
        place.size = value > Virtqueue::max_size ? std::uint16_t{0} : static_cast<std::uint16_t>(value);
        return;
      case queue_desc_low:
        return set_low(place.descriptors, value);
      case queue_desc_high:
        return set_high(place.descriptors, value);
      case queue_driver_low:
        return set_low(place.driver, value);
      case queue_driver_high:
        return set_high(place.driver, value);
      case queue_device_low:
        return set_low(place.device, value);
      case queue_device_high:
        return set_high(place.device, value);
      default:
        return;
    }
  });
}

}  // namespace samepage::vmm
