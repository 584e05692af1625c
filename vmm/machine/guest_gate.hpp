// SPDX-License-Identifier: Apache-2.0
// The one gate in front of a guest's memory: vCPUs and devices pass the two halves of it, and whoever closes
// it closes both. It is the write barrier that the merging agent holds the guest with, and it is there before
// the machine and after it.
#pragma once

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

  /// The user's pause, independent of the write barrier: holds the guest until unpause().
  void pause();
  void unpause();
  [[nodiscard]] bool paused() const { return vcpus_.is_closed(GateReason::user_pause); }

  /// Nobody gets in any more, and those who wait at the gate end. Does not wait.
  void stop();

  /// The halves.
  [[nodiscard]] VcpuGate& vcpus() { return vcpus_; }
  [[nodiscard]] DeviceGate& devices() { return devices_; }

 private:
  void close(GateReason reason);
  void open(GateReason reason);

  VcpuGate vcpus_;
  DeviceGate devices_;
};

}  // namespace samepage::vmm
