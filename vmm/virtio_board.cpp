// SPDX-License-Identifier: Apache-2.0
#include "vmm/virtio_board.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "vmm/boot/layout.hpp"
#include "vmm/devices/virtio/block.hpp"
#include "vmm/devices/virtio/rng.hpp"

namespace samepage::vmm {

/// One device with its registers and the two events that lead to and from it.
struct VirtioBoard::Slot {
  Slot(std::unique_ptr<VirtioDevice> plugged, const GuestRam& ram, DeviceGate& gate)
      : device(std::move(plugged)),
        transport(
            *device, ram, gate, [this] { signal_event(interrupt.get()); },
            [this] { signal_event(notified.get()); }) {}

  UniqueFd notified = make_event();
  UniqueFd interrupt = make_event();
  std::unique_ptr<VirtioDevice> device;
  MmioTransport transport;
};

VirtioBoard::VirtioBoard(const DeviceConfig& config, const GuestMemory& memory) : ram_(memory) {
  for (const DiskConfig& disk : config.disks) {
    add(std::make_unique<Block>(DiskFile(disk), fmt::format("samepage-{}", slots_.size())));
  }
  if (config.rng) add(std::make_unique<Rng>());
}

VirtioBoard::~VirtioBoard() {
  stop();
}

void VirtioBoard::add(std::unique_ptr<VirtioDevice> device) {
  const auto number = static_cast<std::uint32_t>(slots_.size());
  if (number == layout::max_virtio_devices) {
    throw UserError(
        fmt::format("a guest can't have more than {} devices; leave one out", layout::max_virtio_devices));
  }
  slots_.push_back(std::make_unique<Slot>(std::move(device), ram_, gate_));
  places_.push_back({layout::virtio_devices + number * layout::virtio_device_bytes,
                     layout::virtio_device_bytes, layout::first_virtio_gsi + number});
}

void VirtioBoard::plug_in(const Vm& vm, MmioBus& bus) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    const VirtioPlace& place = places_[i];
    invariant(bus.add(place.address, place.bytes, slot.transport), "two devices claim one address");
    vm.notify_by(slot.notified.get(), place.address + MmioTransport::notify_offset);
    vm.interrupt_by(slot.interrupt.get(), place.gsi);
  }
}

void VirtioBoard::start() {
  if (slots_.empty()) return;
  std::vector<ServedDevice> served;
  served.reserve(slots_.size());
  for (const auto& slot : slots_) served.push_back({&slot->transport, slot->notified.get()});
  thread_.start(std::move(served));
}

void VirtioBoard::stop() {
  gate_.close(DeviceGate::stop);
  thread_.stop();
}

}  // namespace samepage::vmm
