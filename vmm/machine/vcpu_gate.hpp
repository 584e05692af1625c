// SPDX-License-Identifier: Apache-2.0
// Who may be in the guest. Each vCPU's thread passes the gate before KVM_RUN and leaves when it has handled
// all that it came out for; anybody may close the gate for a reason of his own, and wait until everybody is
// out.
//
// Why it is correct (all of it sequentially consistent): a vCPU first says that it is inside, then looks for
// a reason to stay out; a holder first gives the reason, then looks who is inside. One of them sees the
// other. A vCPU that was inside is kicked: immediate_exit makes a KVM_RUN that is still to come return, the
// signal one that is running; the vCPU clears immediate_exit only before it looks for reasons.
//
// A vCPU has a mutex while it is inside, and whoever waits for it waits for that: a vCPU that has lost its
// processor gets the priority of an agent that holds the guest, and is out as soon as it can be.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/inheriting_mutex.hpp"
#include "vmm/devices/gate_reason.hpp"

namespace samepage::vmm {

class VcpuGate {
 public:
  explicit VcpuGate(unsigned vcpus);

  /// The calling thread runs vCPU `index` from now on; `immediate_exit` is its byte in kvm_run.
  void attach(unsigned index, std::uint8_t& immediate_exit);
  /// The calling thread runs it no longer: nobody reaches for its byte or its thread any more.
  void detach(unsigned index);
  /// Waits until nothing keeps the vCPU out, then it is inside. False when it must end.
  [[nodiscard]] bool enter(unsigned index);
  /// Called by the thread that entered. Nothing if it has left, or never did. `idle`: it waits for an
  /// interrupt, so that nobody minds that it is kept out.
  void leave(unsigned index, bool idle = false);

  /// Keeps vCPUs out for `reason` and tells those inside to leave; does not wait.
  void close(GateReason reason);
  /// Waits until every vCPU is out. Only for one who has closed the gate.
  void wait_all_out();
  void open(GateReason reason);
  [[nodiscard]] bool is_closed(GateReason reason) const;
  /// Whether `reason` is the only one, and keeps a vCPU out that would run. Only for one who has closed the
  /// gate, when all are out.
  [[nodiscard]] bool keeps_waiting(GateReason reason) const;

 private:
  // On cache lines of their own: each vCPU writes its place at every exit.
  struct alignas(64) Slot {
    std::atomic<std::uint32_t> inside = 0;
    std::atomic<bool> idle = true;  // when it was out last, or nobody runs it
    InheritingMutex until_out;      // the vCPU's while it is inside
    std::mutex kicked;  // who kicks may be late: the vCPU may have left, and its machine be about to go
    std::uint8_t* immediate_exit = nullptr;  // null: nobody runs the vCPU
    pthread_t thread{};
  };

  static void kick(Slot& slot);
  static void step_out(Slot& slot);

  std::atomic<std::uint32_t> reasons_ = 0;
  unsigned vcpus_;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace samepage::vmm
