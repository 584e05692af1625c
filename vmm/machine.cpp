// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <thread>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/cpu_state.hpp"
#include "vmm/boot/cpuid.hpp"
#include "vmm/boot/loader.hpp"
#include "vmm/boot/requirements.hpp"
#include "vmm/devices/console.hpp"
#include "vmm/devices/debug_exit.hpp"
#include "vmm/devices/uart16550.hpp"
#include "vmm/exits.hpp"
#include "vmm/guest_end.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/memory/file_view.hpp"
#include "vmm/memory/rom.hpp"
#include "vmm/vcpu_gate.hpp"
#include "vmm/virtio_board.hpp"

namespace samepage::vmm {
namespace {

std::uint64_t checked_memory_bytes(const MachineConfig& config) {
  require_memory_size(config.memory_bytes, host_memory("MemTotal"));
  require_command_line(config.command_line);
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

/// Parses the file, checks that it fits, and puts it into memory; returns the guest's entry.
Gpa load_image(const std::string& path, const GuestMemory& memory, std::uint64_t memory_bytes) {
  const FileView file = view_file(path, "boot");
  const auto parsed = parse_image(file.content());
  if (const auto* fault = std::get_if<ImageFault>(&parsed)) {
    throw UserError(fmt::format("cannot boot {}: {}", path, describe(*fault)));
  }
  const auto& image = std::get<Image>(parsed);
  require_room(path, image, memory_bytes);
  load_segments(image, file.content(), memory);
  return image.entry;
}

}  // namespace

struct Machine::Parts {
  Parts(const MachineConfig& config, ConsoleSink sink);
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void add_memory();
  void add_devices();
  void add_vcpus(const Kvm& kvm, unsigned count, Gpa entry);
  void run_vcpu(unsigned index);
  std::optional<GuestExit> run_once(unsigned index);
  void end(GuestExit exit);

  GuestMemory memory;
  std::vector<Rom> roms;
  Console console;
  Uart16550 uart;
  DebugExit debug_exit;
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
      uart(console),
      debug_exit([this](int code) {
        end({GuestExit::Kind::exited, code, {}});
      }),
      virtio(config.devices, memory),
      scene{ports, mmio, memory.regions().back().first.gpa() + memory.regions().back().pages.bytes(),
            ranges_of(roms)},
      gate(config.cpus) {
  const Gpa entry = load_image(config.image, memory, config.memory_bytes);
  write_boot_page(memory, scene.roms, config.command_line);
  const Kvm kvm;
  require_cpus(config.cpus, kvm.max_vcpus());
  vm.emplace(kvm);
  add_memory();
  add_devices();
  add_vcpus(kvm, config.cpus, entry);
}

Machine::Parts::~Parts() {
  end({GuestExit::Kind::stopped, 0, {}});
  for (std::thread& thread : threads) thread.join();
  virtio.stop();
}

void Machine::Parts::add_memory() {
  for (const dedup::MemoryRegion& region : memory.regions()) {
    slots.push_back(vm->map(region.first.gpa(), region.bytes(), SlotAccess::read_write));
  }
  for (const Rom& rom : roms) slots.push_back(vm->map(rom.address(), rom.bytes(), SlotAccess::read_only));
}

void Machine::Parts::add_devices() {
  const bool added =
      ports.add(abi::com1_port, Uart16550::ports, uart) && ports.add(abi::debug_exit_port, 1, debug_exit);
  invariant(added, "two devices claim one port");
  virtio.plug_in(*vm, mmio);
}

// Only vCPU 0 starts at the entry: the others wait in the kernel for its INIT and SIPI.
void Machine::Parts::add_vcpus(const Kvm& kvm, unsigned count, Gpa entry) {
  const auto supported = kvm.supported_cpuid();
  const std::size_t run_area_bytes = kvm.run_area_bytes();
  const bool tsc_deadline = kvm.capability(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  for (unsigned i = 0; i < count; ++i) {
    Vcpu& vcpu = vcpus.emplace_back(vm->create_vcpu(i), run_area_bytes);
    vcpu.set_cpuid(guest_cpuid(supported, {i, count}, {tsc_deadline, vcpu.tsc_khz()}));
  }
  kvm_sregs sregs = vcpus.front().sregs();
  set_pvh_entry(sregs);
  vcpus.front().set_sregs(sregs);
  vcpus.front().set_regs(pvh_entry_registers(entry));
}

void Machine::Parts::end(GuestExit exit) {
  ending.record(std::move(exit));
  gate.close(VcpuGate::stop);
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

Machine::Machine(const MachineConfig& config, ConsoleSink console)
    : parts_(std::make_unique<Parts>(config, std::move(console))) {}

Machine::~Machine() = default;

void Machine::start() {
  invariant(parts_->threads.empty(), "a machine is started twice");
  const auto count = static_cast<unsigned>(parts_->vcpus.size());
  if (!parts_->ending.expect_threads(count)) return;
  parts_->virtio.start();
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

}  // namespace samepage::vmm
