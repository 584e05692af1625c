// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/virtio_board.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/units.hpp"
#include "vmm/devices/virtio/mac_address.hpp"
#include "vmm/devices/virtio/rng.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

// Linux puts memory that comes at run time into sections of this size.
constexpr std::uint64_t linux_section = std::uint64_t{128} << 20U;

// Where nobody merges, all of RAM is anonymous memory that is dropped at once.
void drop_at_once(const GuestMemory& memory, std::span<const GfnRange> ranges) {
  for (const GfnRange& range : ranges) {
    for (const dedup::MemoryRegion& region : memory.regions()) {
      const Gfn first = std::max(range.first, region.first);
      const Gfn end = std::min(range.end(), region.first + region.pages);
      if (!(first < end)) continue;
      const auto part = region.bytes().subspan((first - region.first).bytes(), (end - first).bytes());
      ::madvise(part.data(), part.size(), MADV_DONTNEED);  // should it fail, the host keeps the memory
    }
  }
}

UserError cannot_place(const PmemConfig& config, Gpa address, const std::string& why) {
  return UserError(
      fmt::format("cannot place persistent memory {} at {:#x}: {}", config.path, address.value, why));
}

}  // namespace

/// One device with its registers and the two events that lead to and from it.
struct VirtioBoard::Slot {
  Slot(std::unique_ptr<VirtioDevice> plugged, UniqueFd event, const GuestRam& ram, DeviceGate& gate)
      : notified(std::move(event)),
        device(std::move(plugged)),
        transport(
            *device, ram, gate, [this] { signal_event(interrupt.get()); },
            [this] { signal_event(notified.get()); }) {}

  UniqueFd notified;
  UniqueFd interrupt = make_event();
  std::unique_ptr<VirtioDevice> device;
  MmioTransport transport;
};

VirtioBoard::VirtioBoard(const DeviceConfig& config, std::span<const GfnRange> roms, Links links)
    : ram_(links.memory), gate_(links.gate), discard_(std::move(links.discard)) {
  const GuestMemory& memory = links.memory;
  if (!discard_) discard_ = [&memory](std::span<const GfnRange> ranges) { drop_at_once(memory, ranges); };
  for (const DiskConfig& disk : config.disks) {
    auto device = std::make_unique<Block>(DiskFile(disk), fmt::format("samepage-{}", slots_.size()));
    disks_.push_back(device.get());
    add(std::move(device));
  }
  for (const PmemConfig& pmem : config.pmems) add_pmem(pmem, memory, roms);
  for (const NetConfig& net : config.nets) {
    auto device =
        std::make_unique<Net>(net.tap.empty() ? Tap() : Tap(net.tap), net.mac.value_or(random_mac()));
    nets_.push_back(device.get());
    add(std::move(device));
  }
  if (config.rng) add(std::make_unique<Rng>());
  if (config.balloon) add_balloon();
  if (config.console) add_console(std::move(links.output));
}

void VirtioBoard::add_pmem(const PmemConfig& config, const GuestMemory& memory,
                           std::span<const GfnRange> roms) {
  // Behind RAM, where nothing else is, unless its user wants it elsewhere.
  const dedup::MemoryRegion& last_ram = memory.regions().back();
  Gpa behind = std::max(layout::high_ram, (last_ram.first + last_ram.pages).gpa());
  for (const GfnRange& rom : roms) behind = std::max(behind, rom.end().gpa());
  for (const auto& pmem : pmems_) behind = std::max(behind, pmem->end());
  behind.value = (behind.value + linux_section - 1) / linux_section * linux_section;
  const Gpa address = config.address.value_or(behind);

  auto region = std::make_unique<PmemRegion>(PmemRegion{PmemFile(config), address});
  const std::uint64_t bytes = region->file.bytes().size();
  if (address.value % pmem_alignment != 0)
    throw cannot_place(config, address, "it must be a multiple of 2 MiB");
  if (address > layout::rom_limit || bytes > layout::rom_limit - address) {
    throw cannot_place(config, address,
                       fmt::format("it has {} and must end below {:#x}; take a lower address or a "
                                   "smaller file",
                                   format_size(bytes), layout::rom_limit.value));
  }
  const auto require_free = [&](Gpa start, Gpa end, std::string_view what) {
    if (!(address < end && start < region->end())) return;
    throw cannot_place(
        config, address,
        fmt::format("{} from {:#x} to {:#x} is in the way; leave the address out, or take one from "
                    "{:#x} on",
                    what, start.value, end.value, behind.value));
  };
  for (const dedup::MemoryRegion& ram : memory.regions()) {
    require_free(ram.first.gpa(), (ram.first + ram.pages).gpa(), "RAM");
  }
  for (const GfnRange& rom : roms) require_free(rom.first.gpa(), rom.end().gpa(), "a ROM");
  for (const auto& pmem : pmems_) require_free(pmem->address, pmem->end(), "other persistent memory");
  require_free(layout::virtio_devices, layout::high_ram, "what the devices use");
  auto device = std::make_unique<Pmem>(region->file, address);
  region->device = device.get();
  pmems_.push_back(std::move(region));
  add(std::move(device));
}

void VirtioBoard::add_balloon() {
  UniqueFd event = make_event();
  auto balloon = std::make_unique<Balloon>([this](std::span<const GfnRange> ranges) { discard_(ranges); },
                                           [fd = event.get()] { signal_event(fd); });
  balloon_ = balloon.get();
  add(std::move(balloon), std::move(event));
}

void VirtioBoard::add_console(std::function<void(std::string_view)> output) {
  UniqueFd event = make_event();
  auto console = std::make_unique<VirtioConsole>(std::move(output), [fd = event.get()] { signal_event(fd); });
  console_ = console.get();
  add(std::move(console), std::move(event));
}

VirtioBoard::~VirtioBoard() {
  stop();
}

void VirtioBoard::add(std::unique_ptr<VirtioDevice> device, UniqueFd notified) {
  const auto number = static_cast<std::uint32_t>(slots_.size());
  if (number == layout::max_virtio_devices) {
    throw UserError(
        fmt::format("a guest can't have more than {} devices; leave one out", layout::max_virtio_devices));
  }
  slots_.push_back(std::make_unique<Slot>(std::move(device), std::move(notified), ram_, gate_));
  places_.push_back({layout::virtio_devices + number * layout::virtio_device_bytes,
                     layout::virtio_device_bytes, layout::first_virtio_gsi + number});
}

void VirtioBoard::map_memory(Vm& vm, MmioBus& bus, std::vector<Memslot>& slots) {
  for (const auto& pmem : pmems_) {
    const bool read_only = pmem->file.access() == PmemAccess::read_only;
    slots.push_back(vm.map(pmem->address, pmem->file.bytes(),
                           read_only ? SlotAccess::read_only : SlotAccess::read_write));
    if (!read_only) continue;
    invariant(bus.add(pmem->address, pmem->file.bytes().size(), pmem->device->dropped_writes()),
              "two devices claim one address");
  }
}

void VirtioBoard::plug_in(const Vm& vm, MmioBus& bus) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    const AcpiVirtioDevice& place = places_[i];
    invariant(bus.add(place.address, place.bytes, slot.transport), "two devices claim one address");
    vm.add_ioeventfd(slot.notified.get(), place.address + MmioTransport::notify_offset);
    vm.add_irqfd(slot.interrupt.get(), place.gsi);
  }
}

DeviceFigures VirtioBoard::figures() const {
  DeviceFigures figures;
  for (const Block* disk : disks_) figures.disks.push_back(disk->figures());
  for (const Net* net : nets_) figures.nets.push_back(net->figures());
  return figures;
}

GuestFiles VirtioBoard::files() const {
  GuestFiles files;
  for (const Block* disk : disks_) files.disks.push_back(&disk->disk());
  for (const auto& pmem : pmems_) files.pmems.push_back(&pmem->file);
  return files;
}

std::vector<VirtioSlotState> VirtioBoard::save() const {
  std::vector<VirtioSlotState> states;
  for (const auto& slot : slots_) {
    states.push_back({slot->device->id(), slot->transport.save(), slot->device->save()});
  }
  return states;
}

void VirtioBoard::restore(std::span<const VirtioSlotState> states) {
  if (states.size() != slots_.size()) {
    throw UserError(
        fmt::format("cannot restore the guest: it had {} virtio devices and is given {}; give it "
                    "the devices that it had",
                    states.size(), slots_.size()));
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    Slot& slot = *slots_[i];
    auto fault = states[i].id == slot.device->id()
                     ? slot.device->restore(states[i].device)
                     : std::optional<std::string_view>("it was of another kind");
    if (!fault) fault = slot.transport.restore(states[i].transport);
    if (!fault) continue;
    throw UserError(fmt::format("cannot restore the guest's virtio device {} (of kind {}): {}", i,
                                slot.device->id(), *fault));
  }
}

unsigned VirtioBoard::threads() const {
  const unsigned consoles = console_ == nullptr ? 0 : 1;
  return consoles + (slots_.size() > consoles ? 1 : 0);
}

void VirtioBoard::look_for_work() {
  for (const auto& slot : slots_) {
    slot->transport.state().repeat_interrupt();
    signal_event(slot->notified.get());
  }
}

void VirtioBoard::start(const DeviceThread::Ended& ended) {
  look_for_work();
  std::vector<ServedDevice> consoles;
  std::vector<ServedDevice> others;
  for (const auto& slot : slots_) {
    (slot->device.get() == console_ ? consoles : others).push_back({&slot->transport, slot->notified.get()});
  }
  if (!others.empty()) thread_.start(std::move(others), ended);
  if (!consoles.empty()) console_thread_.start(std::move(consoles), ended);
}

void VirtioBoard::request_stop() {
  thread_.request_stop();
  console_thread_.request_stop();
}

void VirtioBoard::stop() {
  thread_.stop();
  console_thread_.stop();
}

}  // namespace samepage::vmm
