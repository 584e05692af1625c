// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_gate.hpp"

namespace samepage::vmm {

void GuestGate::hold() {
  close(GateReason::write_barrier);
}

void GuestGate::release() {
  open(GateReason::write_barrier);
}

bool GuestGate::keeps_waiting() const {
  return vcpus_.keeps_waiting(GateReason::write_barrier) || devices_.keeps_waiting(GateReason::write_barrier);
}

void GuestGate::stand_still() {
  close(GateReason::no_memory);
}

void GuestGate::go_on() {
  open(GateReason::no_memory);
}

void GuestGate::pause() {
  close(GateReason::user_pause);
}

void GuestGate::unpause() {
  open(GateReason::user_pause);
}

void GuestGate::stop() {
  vcpus_.close(GateReason::stop);
  devices_.close(GateReason::stop);
}

// Both are told before either is waited for: the guest stands as short as it can.
void GuestGate::close(GateReason reason) {
  vcpus_.close(reason);
  devices_.close(reason);
  vcpus_.wait_all_out();
  devices_.wait_all_out();
}

void GuestGate::open(GateReason reason) {
  devices_.open(reason);
  vcpus_.open(reason);
}

}  // namespace samepage::vmm
