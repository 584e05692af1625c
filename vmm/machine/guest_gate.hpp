// SPDX-License-Identifier: Apache-2.0
// The one gate in front of a guest's memory: vCPUs and devices pass the two halves of it, and whoever closes
// it closes both. It is the write barrier that the merging agent holds the guest with, and it is there before
// the machine and after it.
#pragma once

#include <mutex>

#include "dedup/agent/write_barrier.hpp"
#include "vmm/devices/device_gate.hpp"
#include "vmm/machine/vcpu_gate.hpp"

namespace samepage::vmm {

/// All functions may be called from any thread.
class GuestGate final : public dedup::WriteBarrier {
 public:
  explicit GuestGate(unsigned cpus) : vcpus_(cpus) {}

  // WriteBarrier: no vCPU is in KVM_RUN and no device in guest memory between the two.
  void hold() override;
  void release() override;
  [[nodiscard]] bool keeps_waiting() const override;
  void stand_still() override;
  void go_on() override;

  /// The user's pause, independent of the write barrier: holds the guest until unpause().
  void pause();
  void unpause();
  [[nodiscard]] bool paused() const { return vcpus_.is_closed(GateReason::user_pause); }
  /// Between stand_still() and go_on().
  [[nodiscard]] bool stands_still() const { return vcpus_.is_closed(GateReason::no_memory); }

  /// Nobody gets in any more, and those who wait at the gate end. Does not wait.
  void stop();

  /// The halves.
  [[nodiscard]] VcpuGate& vcpus() { return vcpus_; }
  [[nodiscard]] DeviceGate& devices() { return devices_; }

 private:
  friend class AllHeld;
  void close(GateReason reason);
  void open(GateReason reason);

  std::mutex one_holds_;  // while there is an AllHeld
  VcpuGate vcpus_;
  DeviceGate devices_;
};

/// The proof that no vCPU runs and no device is in guest memory, for as long as the value lives: all of the
/// guest is of one moment then. Independent of the write barrier and of the user's pause. A second one waits
/// for the first.
class AllHeld {
 public:
  explicit AllHeld(GuestGate& gate) : alone_(gate.one_holds_), gate_(gate) { gate_.close(GateReason::state); }
  ~AllHeld() { gate_.open(GateReason::state); }
  AllHeld(const AllHeld&) = delete;
  AllHeld& operator=(const AllHeld&) = delete;

  [[nodiscard]] bool is_of(const GuestGate& gate) const { return &gate_ == &gate; }

 private:
  std::lock_guard<std::mutex> alone_;
  GuestGate& gate_;
};

}  // namespace samepage::vmm
