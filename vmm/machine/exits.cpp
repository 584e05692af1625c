// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/exits.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/lost_memory.hpp"
#include "guest/abi.hpp"

namespace samepage::vmm {
namespace {

constexpr std::byte floating{0xff};

GuestExit failed(std::string message) {
  return {GuestExit::Kind::failed, 0, std::move(message)};
}

std::uint64_t rip_of(const Vcpu& vcpu) {
  return vcpu.regs().rip;
}

PortAccess access_port(const PortBus& ports, const kvm_run& exit, std::span<std::byte> element) {
  return exit.io.direction == KVM_EXIT_IO_OUT ? ports.write(exit.io.port, element)
                                              : ports.read(exit.io.port, element);
}

GuestExit bad_port(const Vcpu& vcpu, PortAccess access) {
  const auto& io = vcpu.exit().io;
  const bool out = io.direction == KVM_EXIT_IO_OUT;
  return failed(
      fmt::format("the guest {} {} byte(s) {} port {:#x}, {}; rip {:#x}; a guest has a 16550 at {:#x} and a "
                  "debug exit at "
                  "{:#x}: build it for these",
                  out ? "wrote" : "read", io.size, out ? "to" : "from", io.port,
                  access == PortAccess::straddles ? "across the end of a device" : "where there is no device",
                  rip_of(vcpu), abi::com1_port, abi::debug_exit_port));
}

// A string instruction (rep outsb) is one exit with several elements.
std::optional<GuestExit> handle_port(Vcpu& vcpu, const ExitScene& scene) {
  const kvm_run& exit = vcpu.exit();
  std::span<std::byte> data = vcpu.port_data();
  for (; !data.empty(); data = data.subspan(exit.io.size)) {
    const std::span<std::byte> element = data.first(exit.io.size);
    const PortAccess access = access_port(scene.ports, exit, element);
    if (access == PortAccess::done) continue;
    if (scene.unclaimed == Unclaimed::fails_guest) return bad_port(vcpu, access);
    if (exit.io.direction == KVM_EXIT_IO_IN) std::fill(element.begin(), element.end(), floating);
  }
  return std::nullopt;
}

GuestExit bad_memory(const Vcpu& vcpu, const ExitScene& scene) {
  const auto& mmio = vcpu.exit().mmio;
  const Gpa gpa{mmio.phys_addr};
  for (const GfnRange& rom : scene.roms) {
    if (!rom.contains(gfn_of(gpa))) continue;
    return failed(fmt::format(
        "the guest {} {} byte(s) {} guest physical address {:#x}, in the ROM at {:#x}; rip {:#x}; {}",
        mmio.is_write != 0 ? "wrote" : "read", mmio.len, mmio.is_write != 0 ? "to" : "from", gpa.value,
        rom.first.gpa().value, rip_of(vcpu),
        mmio.is_write != 0 ? "a ROM is read-only: copy to RAM what the guest has to change"
                           : "the ROM's file has been cut short: start the guest anew"));
  }
  return failed(fmt::format(
      "the guest {} {} byte(s) at guest physical address {:#x}, where it has neither RAM nor ROM; rip {:#x}; "
      "its "
      "RAM ends at {:#x}: give it more memory, or correct the address",
      mmio.is_write != 0 ? "wrote" : "read", mmio.len, gpa.value, rip_of(vcpu), scene.ram_end.value));
}

// Virtio devices answer where the bus knows one; what becomes of everything else depends on the guest.
std::optional<GuestExit> handle_mmio(const Vcpu& vcpu, const ExitScene& scene) {
  auto& mmio = vcpu.exit().mmio;
  const Gpa gpa{mmio.phys_addr};
  const std::span data(mmio.data);
  if (mmio.len > data.size()) return bad_memory(vcpu, scene);
  const std::span<std::byte> bytes = std::as_writable_bytes(data).first(mmio.len);
  const MmioAccess access = mmio.is_write != 0 ? scene.mmio.write(gpa, bytes) : scene.mmio.read(gpa, bytes);
  if (access == MmioAccess::done) return std::nullopt;
  if (scene.unclaimed == Unclaimed::fails_guest) return bad_memory(vcpu, scene);
  if (mmio.is_write == 0) std::fill(bytes.begin(), bytes.end(), floating);
  return std::nullopt;
}

GuestExit triple_fault(const Vcpu& vcpu, const ExitScene& scene) {
  if (scene.reset_on_triple_fault) return {GuestExit::Kind::exited, 0, {}};
  return failed(fmt::format(
      "the guest's CPU shut down after a triple fault; rip {:#x} (0xfff0 where the CPU was reset): "
      "check the guest's descriptor tables, page tables and stack",
      rip_of(vcpu)));
}

std::string_view interpreter_hint(const ExitScene& scene) {
  if (!scene.interprets_ring_0) return "";
  return "; this host's KVM interprets ring 0 (kvm_pvm), where AVX, BMI and some other instructions are "
         "unsupported: use them in ring 3 only";
}

GuestExit internal_error(const Vcpu& vcpu, const ExitScene& scene) {
  const auto& error = vcpu.exit().internal;
  const bool emulation = error.suberror == KVM_INTERNAL_ERROR_EMULATION;
  return failed(fmt::format("KVM could not go on with the guest: internal error {}{}; rip {:#x}{}",
                            error.suberror, emulation ? ", an instruction that it can't emulate" : "",
                            rip_of(vcpu), interpreter_hint(scene)));
}

GuestExit entry_failure(const Vcpu& vcpu) {
  return failed(fmt::format(
      "the host's CPU refused to enter the guest: hardware reason {:#x}; rip {:#x}; the guest set "
      "its CPU to a state that this host can't run",
      vcpu.exit().fail_entry.hardware_entry_failure_reason, rip_of(vcpu)));
}

GuestExit system_event(const Vcpu& vcpu) {
  const std::uint32_t type = vcpu.exit().system_event.type;
  if (type == KVM_SYSTEM_EVENT_SHUTDOWN) return {GuestExit::Kind::exited, 0, {}};
  if (type == KVM_SYSTEM_EVENT_RESET) return failed("the guest asked to be reset; start it again");
  return failed(fmt::format("the guest reported that it crashed (system event {})", type));
}

}  // namespace

bool host_interprets_ring_0() {
  return ::access("/sys/module/kvm_pvm", F_OK) == 0;
}

std::optional<GuestExit> handle_exit(Vcpu& vcpu, const ExitScene& scene) {
  switch (vcpu.exit().exit_reason) {
    case KVM_EXIT_IO:
      return handle_port(vcpu, scene);
    case KVM_EXIT_MMIO:
      return handle_mmio(vcpu, scene);
    case KVM_EXIT_HLT:   // the in-kernel LAPIC waits for an interrupt itself; nothing to do should it come
    case KVM_EXIT_INTR:  // kicked
    case KVM_EXIT_IRQ_WINDOW_OPEN:
      return std::nullopt;
    case KVM_EXIT_SHUTDOWN:
      return triple_fault(vcpu, scene);
    case KVM_EXIT_INTERNAL_ERROR:
      return internal_error(vcpu, scene);
    case KVM_EXIT_FAIL_ENTRY:
      return entry_failure(vcpu);
    case KVM_EXIT_SYSTEM_EVENT:
      return system_event(vcpu);
    default:
      return failed(fmt::format("KVM left the guest for an unknown reason, {}; rip {:#x}; please report it",
                                vcpu.exit().exit_reason, rip_of(vcpu)));
  }
}

GuestExit run_failed(const Vcpu& vcpu, int error) {
  std::string cause;
  if (error == EFAULT) cause = "; " + cause_of_lost_memory();
  return failed(
      fmt::format("KVM could not run the guest: {}; rip {:#x}{}", std::strerror(error), rip_of(vcpu), cause));
}

}  // namespace samepage::vmm
