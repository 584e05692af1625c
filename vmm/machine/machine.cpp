// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/machine.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <thread>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/acpi.hpp"
#include "vmm/boot/boot_information.hpp"
#include "vmm/boot/cpu_state.hpp"
#include "vmm/boot/cpuid.hpp"
#include "vmm/boot/kernel_file.hpp"
#include "vmm/boot/loader.hpp"
#include "vmm/boot/reboot_option.hpp"
#include "vmm/boot/requirements.hpp"
#include "vmm/boot/reset_code.hpp"
#include "vmm/devices/acpi_ports.hpp"
#include "vmm/devices/console.hpp"
#include "vmm/devices/debug_exit.hpp"
#include "vmm/devices/firmware_config.hpp"
#include "vmm/devices/uart16550.hpp"
#include "vmm/kvm/host_cpu.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exits.hpp"
#include "vmm/machine/guest_end.hpp"
#include "vmm/machine/vcpu_gate.hpp"
#include "vmm/machine/virtio_board.hpp"
#include "vmm/memory/file_view.hpp"
#include "vmm/memory/layout.hpp"
#include "vmm/memory/rom.hpp"

namespace samepage::vmm {
namespace {

std::uint64_t checked_memory_bytes(const MachineConfig& config) {
  require_memory_size(config.memory_bytes, host_memory("MemTotal"));
  return config.memory_bytes;
}

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

/// What firmware leaves behind: RAM is cached, and string instructions are fast. Where this KVM does not have
/// the register, nor has the guest.
void set_firmware_msrs(Vcpu& vcpu) {
  constexpr std::uint32_t mtrr_default_type = 0x2ff;
  constexpr std::uint64_t enabled_write_back = 0x806;
  constexpr std::uint32_t misc_enable = 0x1a0;
  constexpr std::uint64_t fast_strings = 0x1;
  static_cast<void>(vcpu.set_msr(mtrr_default_type, enabled_write_back));
  static_cast<void>(vcpu.set_msr(misc_enable, fast_strings));
}

/// An image and what goes with it, checked and not in memory yet.
struct OpenGuest {
  KernelFile kernel;
  std::string name;
  std::string command_line;
  std::optional<FileView> initrd;
  Gpa initrd_address;

  [[nodiscard]] const Image& image() const { return kernel.image; }
};

/// Opens the image and its initrd, and checks that they can run here and fit.
OpenGuest open_guest(const MachineConfig& config) {
  OpenGuest guest{open_kernel(config.image, config.entry),
                  std::filesystem::path(config.image).filename(),
                  config.command_line,
                  {},
                  {}};
  const Image& image = guest.image();
  if (std::getenv("SAMEPAGE_ANY_HOST") == nullptr) {
    require_hardware_virtualization(config.image, image.kind, host_cpu_flags());
  }
  require_command_line(config.command_line, image.kind, guest.name);
  require_room(config.image, image, config.memory_bytes);
  if (!config.initrd.empty()) {
    guest.initrd = view_file(config.initrd, "load the initrd");
    // As high as it may lie.
    guest.initrd_address =
        initrd_address(config.initrd, guest.initrd->bytes, image.end(), config.memory_bytes);
  }
  return guest;
}

/// Puts all of it into memory. An initrd is copied: Linux frees it, and what is shared of it would break.
void load_guest(const OpenGuest& guest, const GuestMemory& memory, std::span<const GfnRange> roms,
                dedup::ImagePlacer* placer) {
  const Image& image = guest.image();
  load_segments(image, guest.kernel.content(), memory, placer);
  guest.kernel.file.require_whole();
  BootInformation information{
      image.kind, image.protocol,           {roms.begin(), roms.end()}, guest.command_line, guest.name,
      {},         guest.kernel.setup_header};
  if (guest.initrd) {
    invariant(memory.write(guest.initrd_address, guest.initrd->content()), "the initrd is outside RAM");
    guest.initrd->require_whole();
    information.initrd = InitrdPlace{guest.initrd_address, guest.initrd->bytes};
  }
  write_boot_information(memory, information);
}

}  // namespace

struct Machine::Parts {
  Parts(const MachineConfig& config, ConsoleSink sink);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void load(dedup::ImagePlacer* placer);
  void add_memory();
  void add_devices();
  void add_pc_devices(const MachineConfig& config);
  void write_acpi_tables();
  void add_vcpus(const Kvm& kvm, unsigned count);
  void run_vcpu(unsigned index);
  void devices_ended(const std::string& failure);
  std::optional<GuestExit> run_once(unsigned index);
  void end(GuestExit exit);

  GuestMemory memory;
  std::vector<Rom> roms;
  std::optional<OpenGuest> guest;  // until it is loaded
  Console console;
  Uart16550 uart;
  DebugExit debug_exit;
  AcpiPorts acpi_ports;
  KeyboardReset keyboard_reset;
  FirmwareConfig firmware_config;
  PortBus ports;
  MmioBus mmio;
  VirtioBoard virtio;
  std::optional<Vm> vm;
  std::vector<Memslot> slots;
  std::vector<Vcpu> vcpus;
  ExitScene scene;
  VcpuGate gate;
  GuestEnd ending;
  std::vector<std::thread> threads;
};

Machine::Parts::Parts(const MachineConfig& config, ConsoleSink sink)
    : memory(checked_memory_bytes(config)),
      roms(open_roms(config)),
      console(std::move(sink)),
      uart(console, [this](bool up) { vm->set_interrupt_line(layout::com1_gsi, up); }),
      debug_exit([this](int code) {
        end({GuestExit::Kind::exited, code, {}});
      }),
      acpi_ports({acpi_s5_type << acpi_sleep_type_shift | acpi_sleep_enable, acpi_reset_value},
                 [this](PowerEvent) {
                   end({GuestExit::Kind::exited, 0, {}});
                 }),
      keyboard_reset([this](PowerEvent) {
        end({GuestExit::Kind::exited, 0, {}});
      }),
      firmware_config(config.cpus, checked_memory_bytes(config)),
      virtio(config.devices, memory, ranges_of(roms),
             [this](std::string_view text) {
               console.put(text);
               console.flush();
             }),
      scene{ports, mmio, memory.regions().back().first.gpa() + memory.regions().back().pages.bytes(),
            ranges_of(roms)},
      gate(config.cpus) {
  guest.emplace(open_guest(config));
  const Kvm kvm;
  require_cpus(config.cpus, kvm.max_vcpus());
  vm.emplace(kvm);
  add_memory();
  vm->add_interrupt_controllers();
  add_devices();
  if (guest->image().kind != ImageKind::bare) add_pc_devices(config);
  add_vcpus(kvm, config.cpus);
}

Machine::Parts::~Parts() {
  end({GuestExit::Kind::stopped, 0, {}});
  for (std::thread& thread : threads) thread.join();
  virtio.stop();
}

void Machine::Parts::load(dedup::ImagePlacer* placer) {
  invariant(guest.has_value(), "an image is loaded twice");
  load_guest(*guest, memory, scene.roms, placer);
  if (guest->image().kind != ImageKind::bare) write_acpi_tables();
  guest.reset();
}

void Machine::Parts::add_memory() {
  for (const dedup::MemoryRegion& region : memory.regions()) {
    slots.push_back(vm->map(region.first.gpa(), region.bytes(), SlotAccess::read_write));
  }
  for (const Rom& rom : roms) slots.push_back(vm->map(rom.address(), rom.bytes(), SlotAccess::read_only));
  virtio.map_memory(*vm, mmio, slots);
}

void Machine::Parts::add_devices() {
  const bool added = ports.add(abi::com1_port, Uart16550::ports, uart) &&
                     ports.add(abi::debug_exit_port, DebugExit::ports, debug_exit);
  invariant(added, "two devices claim one port");
  virtio.plug_in(*vm, mmio);
}

// What a kernel that was not written for Samepage expects around it.
void Machine::Parts::add_pc_devices(const MachineConfig& config) {
  const bool added = ports.add(layout::acpi_sleep_control_port, AcpiPorts::ports, acpi_ports) &&
                     ports.add(KeyboardReset::port, 1, keyboard_reset) &&
                     ports.add(FirmwareConfig::port, FirmwareConfig::ports, firmware_config);
  invariant(added, "two devices claim one port");
  vm->add_interval_timer();
  scene.unclaimed = Unclaimed::floats;
  scene.reset_on_triple_fault = reboots_by_triple_fault(config.command_line);
}

void Machine::Parts::write_acpi_tables() {
  std::vector<AcpiVirtioDevice> devices;
  for (const VirtioPlace& place : virtio.places()) devices.push_back({place.address, place.bytes, place.gsi});
  invariant(memory.write(layout::acpi_tables, acpi_tables(static_cast<unsigned>(vcpus.size()), devices)),
            "the ACPI tables are outside RAM");
  invariant(memory.write(layout::reset_vector, reset_code), "the reset vector is outside RAM");
}

// Only vCPU 0 starts at the entry: the others wait in the kernel for its INIT and SIPI.
void Machine::Parts::add_vcpus(const Kvm& kvm, unsigned count) {
  const Image& image = guest->image();
  const auto supported = kvm.supported_cpuid();
  const std::size_t run_area_bytes = kvm.run_area_bytes();
  const bool tsc_deadline = kvm.capability(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  for (unsigned i = 0; i < count; ++i) {
    Vcpu& vcpu = vcpus.emplace_back(vm->create_vcpu(i), run_area_bytes);
    vcpu.set_cpuid(guest_cpuid(supported, {i, count}, {tsc_deadline, vcpu.tsc_khz()}));
    if (image.kind != ImageKind::bare) set_firmware_msrs(vcpu);
  }
  kvm_sregs sregs = vcpus.front().sregs();
  set_entry(sregs, image.protocol);
  vcpus.front().set_sregs(sregs);
  vcpus.front().set_regs(entry_registers(image.entry, image.protocol));
}

void Machine::Parts::end(GuestExit exit) {
  ending.record(std::move(exit));
  gate.close(VcpuGate::stop);
  virtio.request_stop();
}

/// One visit to the guest; the gate has let the vCPU in.
std::optional<GuestExit> Machine::Parts::run_once(unsigned index) {
  Vcpu& vcpu = vcpus[index];
  const int error = vcpu.run();
  if (error == EINTR || error == EAGAIN) return std::nullopt;
  return error == 0 ? handle_exit(vcpu, scene) : run_failed(vcpu, error);
}

void Machine::Parts::run_vcpu(unsigned index) {
  gate.attach(index, vcpus[index].immediate_exit());
  try {
    while (gate.enter(index)) {
      std::optional<GuestExit> exit = run_once(index);
      gate.leave(index);
      if (exit) end(std::move(*exit));
      console.flush_lines();  // outside: whoever reads may be slow, and nobody is held up by that
    }
    console.flush();
  } catch (const std::exception& error) {
    gate.leave(index);
    end({GuestExit::Kind::failed, 0, fmt::format("the host failed the guest: {}", error.what())});
  }
  ending.thread_ended();
}

void Machine::Parts::devices_ended(const std::string& failure) {
  if (!failure.empty()) {
    end({GuestExit::Kind::failed, 0, fmt::format("the host failed one of the guest's devices: {}", failure)});
  }
  ending.thread_ended();
}

Machine::Machine(const MachineConfig& config, ConsoleSink console, ImageLoading loading)
    : parts_(std::make_unique<Parts>(config, std::move(console))) {
  if (loading == ImageLoading::at_once) load(nullptr);
}

Machine::~Machine() = default;

void Machine::load(dedup::ImagePlacer* placer) {
  parts_->load(placer);
}

void Machine::start() {
  invariant(!parts_->guest, "a machine is started without its image");
  invariant(parts_->threads.empty(), "a machine is started twice");
  const auto count = static_cast<unsigned>(parts_->vcpus.size());
  if (!parts_->ending.expect_threads(count + parts_->virtio.threads())) return;
  parts_->virtio.start([parts = parts_.get()](const std::string& failure) { parts->devices_ended(failure); });
  for (unsigned i = 0; i < count; ++i) {
    parts_->threads.emplace_back([parts = parts_.get(), i] { parts->run_vcpu(i); });
  }
}

GuestExit Machine::wait() {
  return parts_->ending.wait();
}

int Machine::ended_fd() const {
  return parts_->ending.fd();
}

void Machine::request_stop() {
  parts_->end({GuestExit::Kind::stopped, 0, {}});
}

bool Machine::has_console(ConsolePort port) const {
  return port == ConsolePort::com1 || parts_->virtio.console() != nullptr;
}

std::size_t Machine::receive(std::span<const std::byte> input, ConsolePort port) {
  if (port == ConsolePort::com1) return parts_->uart.receive(input);
  VirtioConsole* const console = parts_->virtio.console();
  return console == nullptr ? input.size() : console->type(input);
}

void Machine::show_prompts() {
  parts_->console.hand_on_parts();
}

void Machine::watch_console(ConsoleSink output, const std::function<void()>& room) {
  parts_->console.show_at_once(std::move(output));
  parts_->uart.when_room(room);
  if (VirtioConsole* const console = parts_->virtio.console()) console->when_room(room);
}

void Machine::pause() {
  parts_->gate.close(VcpuGate::user_pause);
  parts_->virtio.gate().close(DeviceGate::user_pause);
  parts_->gate.wait_all_out();
  parts_->virtio.gate().wait_all_out();
}

void Machine::unpause() {
  parts_->virtio.gate().open(DeviceGate::user_pause);
  parts_->gate.open(VcpuGate::user_pause);
}

bool Machine::paused() const {
  return parts_->gate.is_closed(VcpuGate::user_pause);
}

void Machine::hold() {
  parts_->gate.close(VcpuGate::write_barrier);
  parts_->virtio.gate().close(DeviceGate::write_barrier);
  parts_->gate.wait_all_out();
  parts_->virtio.gate().wait_all_out();
}

void Machine::release() {
  parts_->virtio.gate().open(DeviceGate::write_barrier);
  parts_->gate.open(VcpuGate::write_barrier);
}

const std::vector<dedup::MemoryRegion>& Machine::ram() const {
  return parts_->memory.regions();
}

std::vector<GfnRange> Machine::rom_ranges() const {
  return parts_->scene.roms;
}

void Machine::give_back_with(DiscardPages discard) {
  parts_->virtio.give_back_with(std::move(discard));
}

void Machine::stop_devices() {
  parts_->end({GuestExit::Kind::stopped, 0, {}});
  parts_->virtio.stop();
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

}  // namespace samepage::vmm
