// SPDX-License-Identifier: Apache-2.0
// The write barrier against threads that stand for vCPUs: inside, they run until immediate_exit or the
// signal's interruption tells them to leave, as KVM_RUN does, and take their time to do so.
#include "vmm/machine/vcpu_gate.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/check.hpp"
#include "tests/base/other_threads.hpp"
#include "tests/base/wait_until.hpp"

namespace samepage::vmm {
namespace {

using std::chrono::milliseconds;

class FakeGuest {
 public:
  /// A `halted` vCPU sleeps in the kernel while it is inside; another one counts.
  FakeGuest(VcpuGate& gate, unsigned vcpus, bool halted = false) : gate_(gate), turns_(vcpus), exits_(vcpus) {
    for (unsigned i = 0; i < vcpus; ++i) threads_.emplace_back([this, i, halted] { run(i, halted); });
  }
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;
  ~FakeGuest() {
    gate_.close(GateReason::stop);
    join();
  }
  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  [[nodiscard]] std::uint64_t turns(unsigned i) const { return turns_[i].load(); }
  [[nodiscard]] bool goes_on(unsigned i) const {
    const std::uint64_t before = turns(i);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (turns(i) == before && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return turns(i) != before;
  }

 private:
  void run(unsigned i, bool halted) {
    gate_.attach(i, exits_[i]);
    while (gate_.enter(i)) {
      const auto kicked = [&] { return std::atomic_ref(exits_[i]).load() != 0; };
      do {
        turns_[i].fetch_add(1, std::memory_order_relaxed);
        // KVM looks at immediate_exit with signals blocked; a sleep that a kick just missed ends by itself.
        if (halted && !kicked()) std::this_thread::sleep_for(milliseconds(1));
      } while (!kicked());
      for (int late = 0; late < 1000; ++late) turns_[i].fetch_add(1, std::memory_order_relaxed);
      gate_.leave(i);
    }
  }

  VcpuGate& gate_;
  std::vector<std::atomic<std::uint64_t>> turns_;
  std::vector<std::uint8_t> exits_;
  std::vector<std::thread> threads_;
};

TEST(VcpuGate, NobodyRunsWhileItIsClosed) {
  VcpuGate gate(2);
  FakeGuest guest(gate, 2);
  for (int round = 0; round < 2000; ++round) {
    gate.close(GateReason::write_barrier);
    gate.wait_all_out();
    const std::uint64_t before = guest.turns(0) + guest.turns(1);
    if (round % 100 == 0) {  // at the gate
      ASSERT_TRUE(samepage::test::wait_until_other_threads_sleep());
    }
    for (int look = 0; look < 1000; ++look) ASSERT_EQ(guest.turns(0) + guest.turns(1), before);
    gate.open(GateReason::write_barrier);
  }
  EXPECT_TRUE(guest.goes_on(0) && guest.goes_on(1));
}

TEST(VcpuGate, HaltedVcpusLeaveToo) {
  VcpuGate gate(1);
  FakeGuest guest(gate, 1, true);
  for (int round = 0; round < 100; ++round) {
    gate.close(GateReason::write_barrier);
    gate.wait_all_out();
    const std::uint64_t before = guest.turns(0);
    std::this_thread::yield();
    ASSERT_EQ(guest.turns(0), before);
    gate.open(GateReason::write_barrier);
    ASSERT_TRUE(guest.goes_on(0));
  }
}

// Alone in this thread: it goes in, and comes out as it is told.
TEST(VcpuGate, OneThatIsIdleIsNotKeptWaiting) {
  VcpuGate gate(2);  // nobody runs the other one
  std::uint8_t exit = 0;
  gate.attach(0, exit);
  const auto kept_waiting = [&](bool idle) {
    EXPECT_TRUE(gate.enter(0));
    gate.close(GateReason::write_barrier);
    gate.leave(0, idle);
    gate.wait_all_out();
    const bool waits = gate.keeps_waiting(GateReason::write_barrier);
    gate.open(GateReason::write_barrier);
    return waits;
  };
  EXPECT_TRUE(kept_waiting(false));
  EXPECT_FALSE(kept_waiting(true));
  EXPECT_TRUE(kept_waiting(false));
  gate.detach(0);
  EXPECT_FALSE(gate.keeps_waiting(GateReason::write_barrier));
}

TEST(VcpuGate, WhomSomethingElseKeepsOutIsNotKeptWaiting) {
  VcpuGate gate(1);
  std::uint8_t exit = 0;
  gate.attach(0, exit);
  gate.close(GateReason::write_barrier);
  EXPECT_TRUE(gate.keeps_waiting(GateReason::write_barrier)) << "it would start now";
  gate.close(GateReason::user_pause);
  EXPECT_FALSE(gate.keeps_waiting(GateReason::write_barrier));
}

TEST(VcpuGate, ReasonsAreIndependent) {
  VcpuGate gate(1);
  FakeGuest guest(gate, 1);
  gate.close(GateReason::user_pause);
  gate.close(GateReason::write_barrier);
  gate.wait_all_out();
  const std::uint64_t before = guest.turns(0);
  gate.open(GateReason::write_barrier);
  EXPECT_TRUE(gate.is_closed(GateReason::user_pause));
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  EXPECT_EQ(guest.turns(0), before);
  gate.open(GateReason::user_pause);
  EXPECT_TRUE(guest.goes_on(0));
}

TEST(VcpuGate, ClosedBeforeAnybodyCame) {
  VcpuGate gate(1);
  gate.close(GateReason::write_barrier);
  gate.wait_all_out();
  FakeGuest guest(gate, 1);
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  EXPECT_EQ(guest.turns(0), 0U);
  gate.open(GateReason::write_barrier);
  EXPECT_TRUE(guest.goes_on(0));
}

// Who closes the gate may look at a vCPU that goes at the same moment, and its machine with it.
TEST(VcpuGate, NobodyReachesForAVcpuThatHasGone) {
  VcpuGate gate(1);
  std::uint8_t immediate_exit = 0;
  std::promise<void> detached, closed;
  std::thread vcpu([&] {
    gate.attach(0, immediate_exit);
    ASSERT_TRUE(gate.enter(0));
    gate.detach(0);
    detached.set_value();
    wait_for(closed, "the gate to be closed");
    gate.leave(0);
  });
  wait_for(detached, "the vCPU to go");
  gate.close(GateReason::write_barrier);  // it still looks as if it were inside
  EXPECT_EQ(immediate_exit, 0);
  closed.set_value();
  gate.wait_all_out();
  vcpu.join();
}

// A vCPU's thread that has lost its processor would keep the guest held until the others have had their turn.
TEST(VcpuGate, WhoeverIsWaitedForHasThePriorityOfTheOneWhoWaits) {
  sched_param first{};
  first.sched_priority = ::sched_get_priority_min(SCHED_FIFO);
  VcpuGate gate(1);
  std::uint8_t immediate_exit = 0;
  std::promise<pid_t> inside;
  std::promise<void> seen;
  std::thread vcpu([&] {
    gate.attach(0, immediate_exit);
    ASSERT_TRUE(gate.enter(0));
    inside.set_value(::gettid());
    wait_for(seen, "the priority to be seen");
    gate.leave(0);
  });
  const pid_t tid = inside.get_future().get();
  // Field 18 of proc(5)'s stat: below zero for real-time priorities.
  const auto is_real_time = [&] {
    std::ifstream stat("/proc/self/task/" + std::to_string(tid) + "/stat");
    std::string word;
    for (int field = 0; field < 18; ++field) stat >> word;
    return word.starts_with("-");
  };
  EXPECT_FALSE(is_real_time());
  std::atomic<bool> may_be = true;
  std::thread holder([&] {
    may_be = ::sched_setscheduler(0, SCHED_FIFO, &first) == 0;
    gate.close(GateReason::write_barrier);
    gate.wait_all_out();
  });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (may_be && !is_real_time() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  const bool lent = is_real_time();
  seen.set_value();
  holder.join();
  vcpu.join();
  if (!may_be) GTEST_SKIP() << "needs the right to real-time priorities";
  EXPECT_TRUE(lent);
}

TEST(VcpuGate, StopEndsWhoRunsAndWhoWaits) {
  VcpuGate gate(2);
  FakeGuest guest(gate, 2);
  EXPECT_TRUE(guest.goes_on(0));
  gate.close(GateReason::write_barrier);
  gate.wait_all_out();
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  gate.close(GateReason::stop);
  guest.join();
  gate.open(GateReason::write_barrier);
  gate.close(GateReason::write_barrier);  // threads that have ended are out
  gate.wait_all_out();
}

// A user's queue for real-time signals may be full, of anybody's processes. Nothing but the kick's
// interruption ends this vCPU's sleep.
TEST(VcpuGate, AKickArrivesWhereNoSignalCanBeQueued) {
  rlimit before{};
  check(::getrlimit(RLIMIT_SIGPENDING, &before), "getrlimit");
  const rlimit nothing{0, before.rlim_max};
  check(::setrlimit(RLIMIT_SIGPENDING, &nothing), "setrlimit");
  VcpuGate gate(1);
  std::uint8_t immediate_exit = 0;
  std::atomic<bool> inside = false;
  std::thread vcpu([&] {
    gate.attach(0, immediate_exit);
    if (!gate.enter(0)) return;
    inside = true;
    const timespec long_sleep{30, 0};
    EXPECT_EQ(::nanosleep(&long_sleep, nullptr), -1);
    EXPECT_EQ(errno, EINTR);
    gate.leave(0);
  });
  wait_until("the vCPU is inside", [&] { return inside.load(); });
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  gate.close(GateReason::write_barrier);
  gate.wait_all_out();
  vcpu.join();
  check(::setrlimit(RLIMIT_SIGPENDING, &before), "setrlimit");
}

TEST(VcpuGate, SeveralThreadsHoldAtOnce) {
  VcpuGate gate(2);
  FakeGuest guest(gate, 2);
  const auto hold_often = [&](GateReason reason) {
    for (int round = 0; round < 1000; ++round) {
      gate.close(reason);
      gate.wait_all_out();
      const std::uint64_t before = guest.turns(1);
      EXPECT_EQ(guest.turns(1), before);
      gate.open(reason);
    }
  };
  std::thread user([&] { hold_often(GateReason::user_pause); });
  hold_often(GateReason::write_barrier);
  user.join();
  EXPECT_TRUE(guest.goes_on(0) && guest.goes_on(1));
}

}  // namespace
}  // namespace samepage::vmm
