// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/device_gate.hpp"

namespace samepage::vmm {

bool DeviceGate::enter() {
  std::unique_lock lock(mutex_);
  ++waiting_;
  opened_.wait(lock, [&] { return reasons_ == 0 || (reasons_ & bit_of(GateReason::stop)) != 0; });
  --waiting_;
  if (reasons_ != 0) return false;
  ++inside_;
  return true;
}

void DeviceGate::leave() {
  const std::lock_guard lock(mutex_);
  if (--inside_ == 0 && reasons_ != 0) all_out_.notify_all();
}

void DeviceGate::close(GateReason reason) {
  const std::lock_guard lock(mutex_);
  reasons_ |= bit_of(reason);
  if (reason == GateReason::stop) opened_.notify_all();  // those that wait must end
}

void DeviceGate::wait_all_out() {
  std::unique_lock lock(mutex_);
  all_out_.wait(lock, [&] { return inside_ == 0; });
}

void DeviceGate::open(GateReason reason) {
  const std::lock_guard lock(mutex_);
  reasons_ &= ~bit_of(reason);
  if (reasons_ == 0) opened_.notify_all();
}

bool DeviceGate::keeps_waiting(GateReason reason) const {
  const std::lock_guard lock(mutex_);
  return reasons_ == bit_of(reason) && waiting_ > 0;
}

}  // namespace samepage::vmm
