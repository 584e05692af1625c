// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/machine.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "vmm/boot/reboot_option.hpp"
#include "vmm/boot/requirements.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exits.hpp"
#include "vmm/machine/guest_end.hpp"
#include "vmm/machine/pc_board.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/machine/virtio_board.hpp"
#include "vmm/memory/rom.hpp"

namespace samepage::vmm {
namespace {

std::vector<Rom> open_roms(const MachineConfig& config) {
  std::vector<Rom> roms;
  std::vector<RomPlace> places;
  places.reserve(config.roms.size());
  for (const RomConfig& rom : config.roms) {
    roms.emplace_back(rom.path, rom.address);
    places.push_back({rom.path, rom.address, roms.back().bytes().size()});
  }
  require_rom_places(places, config.memory_bytes);
  return roms;
}

std::vector<GfnRange> ranges_of(const std::vector<Rom>& roms) {
  std::vector<GfnRange> ranges;
  ranges.reserve(roms.size());
  for (const Rom& rom : roms) ranges.push_back(rom.range());
  return ranges;
}

Gpa end_of(const GuestMemory& memory) {
  const dedup::MemoryRegion& last = memory.regions().back();
  return (last.first + last.pages).gpa();
}

}  // namespace

struct Machine::Parts {
  Parts(const MachineConfig& config, const GuestImage& image, Chassis& on, MachineLinks links);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  std::vector<Memslot> map_memory();
  const Vm& plugged_in(ImageKind kind);
  void start();
  void devices_ended(const std::string& failure);

  Chassis& chassis;
  std::function<void()> abandon_output;
  std::vector<Rom> roms;
  Vm vm;
  GuestEnd ending;
  PcBoard pc;
  MmioBus mmio;
  VirtioBoard virtio;
  ExitScene scene;
  std::vector<Memslot> slots;
  Vcpus vcpus;
};

// The VM gets its memory, then its interrupt controllers and what is plugged into them, then its vCPUs.
Machine::Parts::Parts(const MachineConfig& config, const GuestImage& image, Chassis& on, MachineLinks links)
    : chassis(on),
      abandon_output(std::move(links.abandon_output)),
      roms(open_roms(config)),
      vm(chassis.kvm),
      ending([this] {
        chassis.gate.stop();
        virtio.request_stop();
      }),
      pc(config, image.image().kind, std::move(links.print), vm, ending),
      virtio(config.devices, ranges_of(roms),
             {chassis.memory, chassis.gate.devices(),
              [this](std::string_view text) {
                pc.console().put(text);
                pc.console().flush();
              },
              std::move(links.discard)}),
      scene{pc.ports(), mmio, end_of(chassis.memory), ranges_of(roms)},
      slots(map_memory()),
      vcpus(chassis.kvm, plugged_in(image.image().kind), image.image(), config.cpus,
            {chassis.gate.vcpus(), scene, pc.console(), ending}) {
  if (image.image().kind != ImageKind::bare) {
    scene.unclaimed = Unclaimed::floats;
    scene.reset_on_triple_fault = reboots_by_triple_fault(config.command_line);
  }
  pc.console().show_at_once(std::move(links.watch));
  pc.uart().when_room(links.on_room);
  if (VirtioConsole* const console = virtio.console()) console->when_room(links.on_room);
  image.load(chassis.memory, {scene.roms, virtio.places(), config.cpus}, links.placer);
}

Machine::Parts::~Parts() {
  ending.record({GuestExit::Kind::stopped, 0, {}});
  if (abandon_output) abandon_output();
  vcpus.join();
  virtio.stop();
}

std::vector<Memslot> Machine::Parts::map_memory() {
  std::vector<Memslot> mapped;
  for (const dedup::MemoryRegion& region : chassis.memory.regions()) {
    mapped.push_back(vm.map(region.first.gpa(), region.bytes(), SlotAccess::read_write));
  }
  for (const Rom& rom : roms) mapped.push_back(vm.map(rom.address(), rom.bytes(), SlotAccess::read_only));
  virtio.map_memory(vm, mmio, mapped);
  return mapped;
}

const Vm& Machine::Parts::plugged_in(ImageKind kind) {
  vm.add_interrupt_controllers();
  if (kind != ImageKind::bare) vm.add_interval_timer();
  virtio.plug_in(vm, mmio);
  return vm;
}

void Machine::Parts::start() {
  if (!ending.expect_threads(vcpus.count() + virtio.threads())) return;
  virtio.start([this](const std::string& failure) { devices_ended(failure); });
  vcpus.start();
}

void Machine::Parts::devices_ended(const std::string& failure) {
  if (!failure.empty()) {
    ending.record(
        {GuestExit::Kind::failed, 0, fmt::format("the host failed one of the guest's devices: {}", failure)});
  }
  ending.thread_ended();
}

Machine::Machine(const MachineConfig& config, const GuestImage& image, Chassis& chassis, MachineLinks links)
    : parts_(std::make_unique<Parts>(config, image, chassis, std::move(links))) {}

Machine::~Machine() = default;

void Machine::show_prompts() {
  parts_->pc.console().hand_on_parts();
}

void Machine::start() {
  parts_->start();
}

GuestExit Machine::wait() {
  return parts_->ending.wait();
}

int Machine::ended_fd() const {
  return parts_->ending.fd();
}

void Machine::request_stop() {
  parts_->ending.record({GuestExit::Kind::stopped, 0, {}});
}

bool Machine::has_console(ConsolePort port) const {
  return port == ConsolePort::com1 || parts_->virtio.console() != nullptr;
}

std::size_t Machine::receive(std::span<const std::byte> input, ConsolePort port) {
  if (port == ConsolePort::com1) return parts_->pc.uart().receive(input);
  VirtioConsole* const console = parts_->virtio.console();
  return console == nullptr ? input.size() : console->type(input);
}

std::optional<BalloonFigures> Machine::balloon() const {
  Balloon* const balloon = parts_->virtio.balloon();
  return balloon == nullptr ? std::nullopt : std::optional(balloon->figures());
}

bool Machine::set_balloon(std::uint64_t bytes) {
  Balloon* const balloon = parts_->virtio.balloon();
  if (balloon != nullptr) balloon->set_target(bytes);
  return balloon != nullptr;
}

std::vector<VcpuFigures> Machine::vcpu_figures() const {
  return parts_->vcpus.figures();
}

DeviceFigures Machine::device_figures() const {
  return parts_->virtio.figures();
}

GuestGate& Machine::gate() const {
  return parts_->chassis.gate;
}

const std::vector<dedup::MemoryRegion>& Machine::ram() const {
  return parts_->chassis.memory.regions();
}

std::vector<GfnRange> Machine::rom_ranges() const {
  return parts_->scene.roms;
}

}  // namespace samepage::vmm
