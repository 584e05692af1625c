// SPDX-License-Identifier: Apache-2.0
// The fields of each value in a machine's state, by name, once for both ways: visit(name, field) for each.
// Who adds a field to a value does not get past the compiler without adding it here: the bindings have to be
// all.
#pragma once

#include <array>
#include <variant>

#include "vmm/machine/machine_state.hpp"

namespace samepage::vmm {

template <typename Visit>
void each_field(ConsoleState& state, Visit visit) {
  auto& [waiting] = state;
  visit("waiting", waiting);
}

template <typename Visit>
void each_field(UartState& state, Visit visit) {
  auto& [received, ran_empty, line_up, divisor, interrupts, fifo, line, modem, scratch] = state;
  visit("received", received);
  visit("transmitter_ran_empty", ran_empty);
  visit("line_up", line_up);
  visit("divisor", divisor);
  visit("interrupt_enable", interrupts);
  visit("fifo_control", fifo);
  visit("line_control", line);
  visit("modem_control", modem);
  visit("scratch", scratch);
}

template <typename Visit>
void each_field(FirmwareConfigState& state, Visit visit) {
  auto& [selected, next] = state;
  visit("selected", selected);
  visit("next", next);
}

template <typename Visit>
void each_field(PcBoardState& state, Visit visit) {
  auto& [console, uart, firmware_config] = state;
  visit("console", console);
  visit("uart", uart);
  visit("firmware_config", firmware_config);
}

template <typename Visit>
void each_field(QueuePlace& place, Visit visit) {
  auto& [size, descriptors, driver, device] = place;
  visit("size", size);
  visit("descriptors", descriptors);
  visit("driver", driver);
  visit("device", device);
}

template <typename Visit>
void each_field(QueueProgress& progress, Visit visit) {
  auto& [answered, told] = progress;
  visit("answered", answered);
  visit("told", told);
}

template <typename Visit>
void each_field(QueueState& queue, Visit visit) {
  auto& [place, ready, progress] = queue;
  visit("place", place);
  visit("ready", ready);
  visit("progress", progress);
}

template <typename Visit>
void each_field(VirtioRegisters& registers, Visit visit) {
  auto& [status, features, causes, generation, queues] = registers;
  visit("status", status);
  visit("accepted_features", features);
  visit("interrupt_causes", causes);
  visit("configuration_generation", generation);
  visit("queues", queues);
}

template <typename Visit>
void each_field(TransportState& transport, Visit visit) {
  auto& [device_half, driver_half, queue, registers] = transport;
  visit("device_features_half", device_half);
  visit("driver_features_half", driver_half);
  visit("queue", queue);
  visit("registers", registers);
}

template <typename Visit>
void each_field(NoState& /*state*/, Visit /*visit*/) {}

template <typename Visit>
void each_field(BlockState& state, Visit visit) {
  auto& [sectors] = state;
  visit("sectors", sectors);
}

template <typename Visit>
void each_field(NetState& state, Visit visit) {
  auto& [mac, incoming] = state;
  visit("mac", mac);
  visit("incoming", incoming);
}

template <typename Visit>
void each_field(VirtioConsoleState& state, Visit visit) {
  auto& [typed, sent] = state;
  visit("typed", typed);
  visit("sent", sent);
}

template <typename Visit>
void each_field(BalloonState& state, Visit visit) {
  auto& [target, actual, news, reported, statistics] = state;
  visit("target_pages", target);
  visit("actual_pages", actual);
  visit("target_is_news", news);
  visit("reported_bytes", reported);
  visit("statistics", statistics);
}

template <typename Visit>
void each_field(PmemState& state, Visit visit) {
  auto& [address, bytes, lost_writes] = state;
  visit("address", address);
  visit("bytes", bytes);
  visit("lost_writes", lost_writes);
}

/// Of the kinds of devices, in the order of the variant.
inline constexpr std::array<const char*, std::variant_size_v<DeviceState>> device_kinds{
    "none", "block", "net", "console", "balloon", "pmem"};

template <typename Visit>
void each_field(VirtioSlotState& slot, Visit visit) {
  auto& [id, transport, device] = slot;
  visit("id", id);
  visit("transport", transport);
  visit("device", device);
}

template <typename Visit>
void each_field(HostMoment& moment, Visit visit) {
  auto& [boot_id, boottime_ns, realtime_ns, tsc] = moment;
  visit("boot_id", boot_id);
  visit("boottime_ns", boottime_ns);
  visit("realtime_ns", realtime_ns);
  visit("tsc", tsc);
}

template <typename Visit>
void each_field(VmState& vm, Visit visit) {
  auto& [controllers, interval_timer, clock_ns] = vm;
  visit("controllers", controllers);
  visit("interval_timer", interval_timer);
  visit("clock_ns", clock_ns);
}

template <typename Visit>
void each_field(Msr& msr, Visit visit) {
  auto& [index, value] = msr;
  visit("index", index);
  visit("value", value);
}

template <typename Visit>
void each_field(TscState& tsc, Visit visit) {
  auto& [khz, offset] = tsc;
  visit("khz", khz);
  visit("offset", offset);
}

template <typename Visit>
void each_field(VcpuState& vcpu, Visit visit) {
  auto& [cpuid, mp_state, regs, sregs, xsave, xcrs, debug, lapic, msrs, events, tsc] = vcpu;
  visit("cpuid", cpuid);
  visit("mp_state", mp_state);
  visit("regs", regs);
  visit("sregs", sregs);
  visit("xsave", xsave);
  visit("xcrs", xcrs);
  visit("debug", debug);
  visit("lapic", lapic);
  visit("msrs", msrs);
  visit("events", events);
  visit("tsc", tsc);
}

template <typename Visit>
void each_field(MachineState& state, Visit visit) {
  auto& [memory_bytes, bare, reset_on_triple_fault, moment, pc, virtio, vm, vcpus] = state;
  visit("memory_bytes", memory_bytes);
  visit("bare", bare);
  visit("reset_on_triple_fault", reset_on_triple_fault);
  visit("moment", moment);
  visit("pc", pc);
  visit("virtio", virtio);
  visit("vm", vm);
  visit("vcpus", vcpus);
}

}  // namespace samepage::vmm
