// SPDX-License-Identifier: Apache-2.0
// The devices' half of the write barrier: a device's thread passes the gate before it touches guest memory
// and leaves it right after; whoever closes the gate can wait until nobody is inside. What happens inside is
// a copy of a few KiB: no device waits for a disk, a network or a lock that others hold for long while it is
// inside, so that closing takes microseconds. The vCPUs' half is vmm/machine/vcpu_gate.hpp.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "vmm/devices/gate_reason.hpp"

namespace samepage::vmm {

/// All functions may be called from any thread.
class DeviceGate {
 public:
  /// Waits until nothing keeps devices out, then the caller is inside. False when it must end.
  [[nodiscard]] bool enter();
  void leave();

  /// Lets nobody in from now on; does not wait.
  void close(GateReason reason);
  /// Waits until everybody is out. Only for one who has closed the gate.
  void wait_all_out();
  void open(GateReason reason);
  /// Whether `reason` is the only one, and a device waits to be let in.
  [[nodiscard]] bool keeps_waiting(GateReason reason) const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable all_out_;
  std::uint32_t reasons_ = 0;
  unsigned inside_ = 0;
  unsigned waiting_ = 0;
};

}  // namespace samepage::vmm
