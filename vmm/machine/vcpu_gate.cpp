// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_gate.hpp"

#include <algorithm>
#include <csignal>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

// A standard signal, because the kernel can always deliver one: it is a bit per thread, and one that is
// pending already is as good as another. A real-time signal needs an entry in a queue that all processes of a
// user share (RLIMIT_SIGPENDING), and is refused when that is full. SIGURG is what nobody else uses and what
// does no harm when another process sends it.
constexpr int kick_signal = SIGURG;

void install_kick_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // it only has to interrupt KVM_RUN: so no SA_RESTART
  check(::sigaction(kick_signal, &action, nullptr), "sigaction");
}

/// Everything but the kick is for other threads.
void take_only_kicks() {
  sigset_t others;
  sigfillset(&others);
  for (const int own : {kick_signal, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&others, own);
  ::pthread_sigmask(SIG_SETMASK, &others, nullptr);
}

}  // namespace

VcpuGate::VcpuGate(unsigned vcpus) : vcpus_(vcpus), slots_(std::make_unique<Slot[]>(vcpus)) {
  install_kick_handler();
}

void VcpuGate::attach(unsigned index, std::uint8_t& immediate_exit) {
  take_only_kicks();
  const std::lock_guard lock(slots_[index].kicked);
  slots_[index].immediate_exit = &immediate_exit;
  slots_[index].thread = ::pthread_self();
  slots_[index].idle = false;
}

void VcpuGate::detach(unsigned index) {
  const std::lock_guard lock(slots_[index].kicked);
  slots_[index].immediate_exit = nullptr;
  slots_[index].idle = true;
}

bool VcpuGate::enter(unsigned index) {
  Slot& slot = slots_[index];
  while (true) {
    std::atomic_ref(*slot.immediate_exit).store(0, std::memory_order_relaxed);
    slot.until_out.lock();
    slot.inside.store(1);
    const std::uint32_t reasons = reasons_.load();
    if (reasons == 0) {
      slot.idle.store(false, std::memory_order_relaxed);
      return true;
    }
    step_out(slot);
    if ((reasons & bit_of(GateReason::stop)) != 0) return false;
    reasons_.wait(reasons);
  }
}

void VcpuGate::leave(unsigned index, bool idle) {
  slots_[index].idle = idle;  // before it is out: whoever holds the guest then sees it
  step_out(slots_[index]);
}

void VcpuGate::step_out(Slot& slot) {
  if (slot.inside.exchange(0) != 0) slot.until_out.unlock();
}

void VcpuGate::close(GateReason reason) {
  const std::uint32_t before = reasons_.fetch_or(bit_of(reason));
  if (reason == GateReason::stop && before != 0) reasons_.notify_all();  // those that wait must end
  for (unsigned i = 0; i < vcpus_; ++i) {
    if (slots_[i].inside.load() != 0) kick(slots_[i]);
  }
}

// One that only looks whether it may enter is inside for a moment.
void VcpuGate::wait_all_out() {
  for (unsigned i = 0; i < vcpus_; ++i) {
    while (slots_[i].inside.load() != 0) const std::lock_guard out(slots_[i].until_out);
  }
}

void VcpuGate::open(GateReason reason) {
  const std::uint32_t before = reasons_.fetch_and(~bit_of(reason));
  if (before == bit_of(reason)) reasons_.notify_all();
}

bool VcpuGate::is_closed(GateReason reason) const {
  return (reasons_.load() & bit_of(reason)) != 0;
}

bool VcpuGate::keeps_waiting(GateReason reason) const {
  if (reasons_.load() != bit_of(reason)) return false;
  return std::any_of(slots_.get(), slots_.get() + vcpus_, [](const Slot& slot) { return !slot.idle; });
}

void VcpuGate::kick(Slot& slot) {
  const std::lock_guard lock(slot.kicked);
  if (slot.immediate_exit == nullptr) return;
  std::atomic_ref(*slot.immediate_exit).store(1, std::memory_order_relaxed);
  // A kick that is lost would leave a vCPU in the guest, and everybody who closes the gate waiting.
  invariant(::pthread_kill(slot.thread, kick_signal) == 0, "a vCPU's thread can't be signalled");
}

}  // namespace samepage::vmm
