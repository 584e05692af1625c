// SPDX-License-Identifier: Apache-2.0
// Long because the order of life of all parts, started afresh or from a state, is in one place.
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
#include "vmm/memory/layout.hpp"
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

void require_same(std::string_view what, std::uint64_t had, std::uint64_t has) {
  if (had == has) return;
  throw UserError(fmt::format("cannot restore the guest: its {} was {} and is {} now; give it what it had",
                              what, had, has));
}

}  // namespace

struct Machine::Parts {
  Parts(const MachineConfig& config, ImageKind kind, Chassis& on, MachineLinks links);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  std::vector<Memslot> map_memory();
  const Vm& plugged_in(ImageKind kind);
  void begin(const GuestImage& image, dedup::ImagePlacer* placer);
  void go_on_from(const MachineState& state, ReadBack read_back);
  void tell_generation();
  [[nodiscard]] MachineState save();
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
Machine::Parts::Parts(const MachineConfig& config, ImageKind kind, Chassis& on, MachineLinks links)
    : chassis(on),
      abandon_output(std::move(links.abandon_output)),
      roms(open_roms(config)),
      vm(chassis.kvm),
      ending([this] {
        chassis.gate.stop();
        virtio.request_stop();
      }),
      pc(
          config, kind, std::move(links.print),
          [this](bool up) { vm.set_interrupt_line(layout::com1_gsi, up); }, ending),
      virtio(config.devices, ranges_of(roms),
             {chassis.memory, chassis.gate.devices(),
              [this](std::string_view text) {
                pc.console().put(text);
                pc.console().flush();
              },
              std::move(links.discard)}),
      scene{pc.ports(), mmio, end_of(chassis.memory), ranges_of(roms)},
      slots(map_memory()),
      vcpus(chassis.kvm, plugged_in(kind), config.cpus, {chassis.gate.vcpus(), scene, pc.console(), ending}) {
  scene.interprets_ring_0 = host_interprets_ring_0();
  if (kind != ImageKind::bare) {
    scene.unclaimed = Unclaimed::floats;
    scene.reset_on_triple_fault = reboots_by_triple_fault(config.command_line);
  }
  pc.console().show_at_once(std::move(links.watch));
  pc.uart().when_room(links.on_room);
  if (VirtioConsole* const console = virtio.console()) console->when_room(links.on_room);
}

void Machine::Parts::begin(const GuestImage& image, dedup::ImagePlacer* placer) {
  vcpus.start_at(image.image());
  image.load(chassis.memory, {scene.roms, virtio.places(), vcpus.count()}, placer);
  tell_generation();
}

// Where ACPI tells a stock kernel of it; others read it at its ports.
void Machine::Parts::tell_generation() {
  if (scene.unclaimed == Unclaimed::fails_guest) return;
  // A guest without RAM there has no ACPI tables either.
  static_cast<void>(chassis.memory.write(layout::generation_id, pc.generation_id().bytes()));
}

MachineState Machine::Parts::save() {
  MachineState state;
  state.memory_bytes = dedup::pages_of(chassis.memory.regions()).bytes();
  state.bare = scene.unclaimed == Unclaimed::fails_guest;
  state.reset_on_triple_fault = scene.reset_on_triple_fault;
  state.moment = host_moment_now();
  state.pc = pc.save();
  state.virtio = virtio.save();
  state.vm = vmm::save(vm);
  state.vcpus = vcpus.save();
  return state;
}

// The order is KVM's: lines before the controllers that they lead to (which then have the last word), the
// clock before the vCPUs, whose guests are told of it, and the controllers behind the LAPICs that get what
// they hold.
void Machine::Parts::go_on_from(const MachineState& state, ReadBack read_back) {
  require_same("memory", state.memory_bytes, dedup::pages_of(chassis.memory.regions()).bytes());
  require_same("vCPUs", state.vcpus.size(), vcpus.count());
  scene.reset_on_triple_fault = state.reset_on_triple_fault;
  const TimePassed passed =
      time_between(state.moment, host_moment_now(), state.vcpus.empty() ? 0 : state.vcpus.front().tsc.khz);
  pc.restore(state.pc);
  virtio.restore(state.virtio);
  restore_clock(vm, state.vm.clock_ns + passed.ns);
  vcpus.restore(state.vcpus, passed.tsc_shift, read_back);
  restore_controllers(vm, state.vm);
  tell_generation();
  if (scene.unclaimed == Unclaimed::fails_guest) return;
  vm.set_interrupt_line(layout::generation_gsi, true);
  vm.set_interrupt_line(layout::generation_gsi, false);
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

Machine::Machine(const MachineConfig& config, const GuestImage& image, Chassis& chassis, MachineLinks links) {
  dedup::ImagePlacer* const placer = links.placer;
  parts_ = std::make_unique<Parts>(config, image.image().kind, chassis, std::move(links));
  parts_->begin(image, placer);
}

Machine::Machine(const MachineConfig& config, const MachineState& state, Chassis& chassis, MachineLinks links)
    : parts_(std::make_unique<Parts>(config, state.bare ? ImageKind::bare : ImageKind::linux_kernel, chassis,
                                     std::move(links))) {
  parts_->go_on_from(state, ReadBack::yes);
}

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

void Machine::fail(const std::string& reason) {
  parts_->ending.record({GuestExit::Kind::failed, 0, reason});
}

MachineState Machine::save(const AllHeld& held) {
  invariant(held.is_of(parts_->chassis.gate), "a machine is saved while another one is held");
  if (parts_->ending.has_reason()) throw UserError("cannot save the guest: it has ended");
  return parts_->save();
}

void Machine::roll_back(const AllHeld& held, const MachineState& state) {
  invariant(held.is_of(parts_->chassis.gate), "a machine is rolled back while another one is held");
  if (parts_->ending.has_reason()) throw UserError("cannot roll the guest back: it has ended");
  parts_->pc.renew_generation();
  parts_->go_on_from(state, ReadBack::no);
  parts_->virtio.look_for_work();
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

GuestFiles Machine::files() const {
  return parts_->virtio.files();
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
