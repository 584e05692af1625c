// SPDX-License-Identifier: Apache-2.0
// A guest is saved in the middle of what it does, and goes on in another machine over a copy of its memory.
// Long because the guests are written in bytes, with their disassembly beside them.
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <future>
#include <thread>

#include "base/check.hpp"
#include "tests/base/other_threads.hpp"
#include "tests/vmm/machine/raw_guest.hpp"
#include "tests/vmm/machine/twin.hpp"

namespace samepage::vmm {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t flag = 0x30'0000;     // not 0: the guest goes on
constexpr std::uint32_t results = 0x30'1000;  // what it tells
constexpr std::uint32_t fpu_before = 0x30'2000;
constexpr std::uint32_t fpu_after = 0x30'2200;

class Code {
 public:
  Code& bytes(std::initializer_list<std::uint8_t> bytes) {
    code_.insert(code_.end(), bytes);
    return *this;
  }
  Code& word(std::uint32_t word) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      code_.push_back(static_cast<std::uint8_t>(word >> shift));
    return *this;
  }
  /// An instruction that ends with a 32-bit number.
  Code& with(std::initializer_list<std::uint8_t> head, std::uint32_t number) {
    return bytes(head).word(number);
  }
  Code& say_ready() { return with({0xc7, 0x05}, test::counter_address).word(1); }  // mov dword [counter], 1
  Code& wait_for_flag() {
    return with({0x83, 0x3d}, flag).bytes({0x00, 0x74, 0xf7});  // again: cmp dword [flag], 0; je again
  }
  Code& end() { return bytes({0xb0, 0x00, 0xe6, 0xf4}); }  // mov al, 0; out 0xf4, al
  [[nodiscard]] const std::vector<std::uint8_t>& all() const { return code_; }

 private:
  std::vector<std::uint8_t> code_;
};

template <typename Test>
bool comes_true(Test test) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!test() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return test();
}

class StateOfMachine : public test::RawGuest {
 protected:
  Machine& make_small(const std::vector<std::uint8_t>& code, const std::string& data = "") {
    config_.memory_bytes = std::uint64_t{8} << 20U;
    Machine& machine = make(code, data, config_);
    config_.image = "/nonexistent";  // nobody looks at it again
    return machine;
  }
  [[nodiscard]] std::byte* at(std::uint32_t address) const { return machine_->ram().front().host + address; }
  template <typename T>
  void put(std::uint32_t address, T value) const {
    std::memcpy(at(address), &value, sizeof(value));
  }
  std::unique_ptr<test::Twin> twin() { return std::make_unique<test::Twin>(config_, *machine_, *chassis_); }
  std::string why_not(const MachineState& state) {
    try {
      const test::Twin other(config_, state);
    } catch (const UserError& error) {
      return error.what();
    }
    return "it goes on";
  }
  MachineState saved() { return machine_->save(AllHeld(gate())); }

  MachineConfig config_;
};

std::string bytes_at(const std::byte* from, std::size_t count) {
  std::string text(count, '\0');
  std::memcpy(text.data(), from, count);
  return text;
}

// Mixes 20,000 numbers into a table: any register or page that is not as it was leads to another table. The
// guest goes no further than we let it, for it may be far faster than we are.
constexpr std::uint32_t limit = test::counter_address + 8;

TEST_F(StateOfMachine, AComputationEndsTheSameWhereverItIsSaved) {
  Code code;
  code.with({0xb9}, 20'000).with({0xb8}, 1);                  // mov ecx, 20000; mov eax, 1
  code.with({0x3b, 0x0d}, limit).bytes({0x72, 0xf8});         // next: cmp ecx, [limit]; jb next
  code.with({0x69, 0xc0}, 0x41c6'4e6d).with({0x05}, 12'345);  // imul eax, eax, ...; add eax, 12345
  code.bytes({0x89, 0xc3, 0xc1, 0xeb, 0x16});                 // mov ebx, eax; shr ebx, 22
  code.with({0x31, 0x04, 0x9d}, results);                     // xor [ebx * 4 + results], eax
  code.with({0x89, 0x0d}, test::counter_address);             // mov [counter], ecx
  code.bytes({0x49, 0x75, 0xd8}).end();                       // dec ecx; jne next
  Machine& machine = make_small(code.all());
  put<std::uint32_t>(limit, 15'000);
  machine.start();
  std::vector<std::unique_ptr<test::Twin>> twins;
  for (const auto& [left, next] : {std::pair{15'000U, 8'000U}, {8'000U, 1'000U}, {1'000U, 0U}}) {
    ASSERT_TRUE(comes_true([&, at = left] { return counter() == at; }));
    twins.push_back(twin());
    put<std::uint32_t>(limit, next);
  }
  EXPECT_EQ(test::end_of(*machine_).kind, GuestExit::Kind::exited);
  const std::string table = bytes_at(at(results), 4096);
  for (const auto& other : twins) {
    ASSERT_NE(bytes_at(other->at(results), 4096), table) << "saved when it was done";
    std::memset(other->at(limit), 0, sizeof(std::uint32_t));
    const GuestExit exit = other->run();
    EXPECT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
    EXPECT_EQ(bytes_at(other->at(results), 4096), table);
  }
}

TEST_F(StateOfMachine, WhatTheGuestHasInItsRegistersIsThere) {
  Code code;
  code.bytes({0x0f, 0x20, 0xe0}).with({0x0d}, 0x600).bytes({0x0f, 0x22, 0xe0});  // cr4 |= OSFXSR, OSXMMEXCPT
  code.with({0x0f, 0xae, 0x0d}, fpu_before);                                     // fxrstor
  for (std::uint8_t number = 0; number < 4; ++number) {                          // mov eax, ...; mov drN, eax
    code.with({0xb8}, 0x1111'1110U * (number + 1));
    code.bytes({0x0f, 0x23, static_cast<std::uint8_t>(0xc0 + 8 * number)});
  }
  code.with({0xb9}, 0x175).with({0xb8}, 0x5e5e'0175).bytes({0x31, 0xd2, 0x0f, 0x30});  // wrmsr SYSENTER_ESP
  code.with({0xbb}, 0xb0b0'b0b0)
      .with({0xbe}, 0x5151'5151)
      .with({0xbf}, 0xd1d1'd1d1)
      .with({0xbd}, 0xebeb'ebeb);
  code.say_ready().wait_for_flag();
  code.with({0x89, 0x1d}, results).with({0x89, 0x35}, results + 4).with({0x89, 0x3d}, results + 8);
  code.with({0x89, 0x2d}, results + 12);
  for (std::uint8_t number = 0; number < 4; ++number) {
    code.bytes({0x0f, 0x21, static_cast<std::uint8_t>(0xc0 + 8 * number)});
    code.with({0xa3}, results + 16 + 4U * number);
  }
  code.with({0xb9}, 0x175).bytes({0x0f, 0x32}).with({0xa3}, results + 32);  // rdmsr
  code.bytes({0x0f, 0x20, 0xe0}).with({0xa3}, results + 36);                // mov eax, cr4
  code.with({0x0f, 0xae, 0x05}, fpu_after).end();                           // fxsave
  make_small(code.all());
  std::array<std::uint8_t, 512> fpu{};
  fpu[0] = 0x7f, fpu[1] = 0x03, fpu[4] = 0xff;  // control word; all eight in use
  fpu[24] = 0xc0, fpu[25] = 0x1f;               // MXCSR, denormals are zeros
  for (std::uint8_t number = 0; number < 8; ++number) {
    std::fill_n(fpu.begin() + 32 + 16 * number, 10, static_cast<std::uint8_t>(0x10 + number));   // ST
    std::fill_n(fpu.begin() + 160 + 16 * number, 16, static_cast<std::uint8_t>(0x20 + number));  // XMM
  }
  put(fpu_before, fpu);
  machine_->start();
  ASSERT_TRUE(comes_true([&] { return counter() == 1; }));
  const auto other = twin();
  put<std::uint32_t>(flag, 1);
  ASSERT_EQ(test::end_of(*machine_).kind, GuestExit::Kind::exited);
  *other->at(flag) = std::byte{1};
  const GuestExit exit = other->run();
  ASSERT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
  std::array<std::uint32_t, 10> told{};
  std::memcpy(told.data(), other->at(results), sizeof(told));
  EXPECT_THAT(told, testing::ElementsAre(0xb0b0'b0b0, 0x5151'5151, 0xd1d1'd1d1, 0xebeb'ebeb, 0x1111'1110,
                                         0x2222'2220, 0x3333'3330, 0x4444'4440, 0x5e5e'0175, 0x600));
  EXPECT_EQ(bytes_at(other->at(fpu_after), 288), bytes_at(at(fpu_after), 288));
  EXPECT_EQ(bytes_at(other->at(fpu_after + 160), 128), bytes_at(other->at(fpu_before + 160), 128)) << "XMM";
  EXPECT_EQ(bytes_at(other->at(fpu_after + 32), 10), bytes_at(other->at(fpu_before + 32), 10)) << "ST";
}

// KVM finishes an access to a port when the vCPU runs the next time. Saved before that, the guest would make
// the access once more.
TEST_F(StateOfMachine, AWriteToAPortIsNotMadeTwice) {
  std::promise<void> writing;
  bool first = true;
  links_.watch = [&](std::string_view) {
    if (!std::exchange(first, false)) return;
    writing.set_value();
    EXPECT_TRUE(comes_true([&] { return gate().vcpus().is_closed(GateReason::state); }));
  };
  Code code;
  code.bytes({0x66, 0xba, 0xf8, 0x03});  // mov dx, 0x3f8
  for (const char c : {'A', 'B', 'C'}) code.bytes({0xb0, static_cast<std::uint8_t>(c), 0xee});  // out dx, al
  make_small(code.end().all()).start();
  wait_for(writing, "the guest to write to its port");
  const auto other = twin();
  EXPECT_EQ(other->run().kind, GuestExit::Kind::exited);
  EXPECT_EQ(other->printed_, "ABC");
  test::end_of(*machine_);
  EXPECT_EQ(printed_, "ABC");
}

TEST_F(StateOfMachine, WhatWasReadFromAPortIsNotLost) {
  constexpr std::uint32_t count = Uart16550::receive_limit;
  std::promise<void> reading;
  links_.on_room = [&] {  // on the vCPU's thread, in the middle of the 2,048th read
    reading.set_value();
    EXPECT_TRUE(comes_true([&] { return gate().vcpus().is_closed(GateReason::state); }));
  };
  Code code;
  code.bytes({0x66, 0xba, 0xf8, 0x03}).with({0xb9}, count).with({0xbf}, 0x40'0000);
  code.bytes({0xec, 0xaa, 0xe2, 0xfc}).end();  // next: in al, dx; stosb; loop next
  make_small(code.all());
  std::string input;
  for (std::uint32_t i = 0; i < count; ++i) input.push_back(static_cast<char>('a' + i % 26));
  const std::string one_more = input + "!";
  ASSERT_EQ(machine_->receive(std::as_bytes(std::span(one_more))), count);
  machine_->start();
  wait_for(reading, "the guest to read from its port");
  const auto other = twin();
  EXPECT_EQ(other->run().kind, GuestExit::Kind::exited);
  EXPECT_EQ(bytes_at(other->at(0x40'0000), count), input);
  test::end_of(*machine_);
  EXPECT_EQ(bytes_at(at(0x40'0000), count), input);
}

// The second vCPU halts in real mode and is woken by an NMI; or, saved before it was started, is started.
class TwoVcpus : public StateOfMachine {
 protected:
  static Code& send_to_other(Code& code, std::uint32_t command) {
    constexpr std::uint32_t all_but_self = 0xc'0000;
    return code.with({0xc7, 0x05}, 0xfee0'0300).word(all_but_self | command);  // ICR
  }
  static Code& start_second(Code& code) {
    code.with({0xc7, 0x05}, 0xfee0'00f0).word(0x1ff);  // the LAPIC is on
    send_to_other(code, 0x4500);                       // INIT
    return send_to_other(code, 0x4608);                // SIPI to 0x8000
  }
  void make_two(const Code& code) {
    config_.cpus = 2;
    make_small(code.all());
    constexpr std::array<std::uint8_t, 32> second{
        0xfe, 0x06, 0x00, 0x90,        // inc byte [0x9000]
        0xf4,                          // again: hlt
        0xfe, 0x06, 0x01, 0x90,        // inc byte [0x9001]
        0xeb, 0xf9,                    // jmp again
        0x90, 0x90, 0x90, 0x90, 0x90,  //
        0xcf,                          // the handler of NMI: iret
    };
    put(0x8000, second);
    put<std::uint32_t>(2 * 4, 0x8010);  // vector 2
  }
};

TEST_F(TwoVcpus, OneThatHaltsIsWokenElsewhere) {
  Code code;
  start_second(code).say_ready().wait_for_flag();
  send_to_other(code, 0x4400);                                      // NMI
  code.with({0x80, 0x3d}, 0x9001).bytes({0x00, 0x74, 0xf7}).end();  // again: cmp byte [0x9001], 0; je again
  make_two(code);
  machine_->start();
  ASSERT_TRUE(comes_true([&] { return counter() == 1 && *at(0x9000) == std::byte{1}; }));
  std::unique_ptr<test::Twin> other;
  ASSERT_TRUE(comes_true([&] {
    other = twin();
    return other->state().vcpus[1].mp_state.mp_state == KVM_MP_STATE_HALTED;
  }));
  *other->at(flag) = std::byte{1};
  other->machine().start();
  EXPECT_TRUE(comes_true([&] { return *other->at(0x9001) == std::byte{1}; }));
  EXPECT_EQ(*other->at(0x9000), std::byte{1}) << "it was not started anew";
  EXPECT_EQ(*at(0x9001), std::byte{0});
  put<std::uint32_t>(flag, 1);
  EXPECT_TRUE(comes_true([&] { return *at(0x9001) == std::byte{1}; }));
}

TEST_F(TwoVcpus, OneThatWasNotStartedIsStartedElsewhere) {
  Code code;
  code.say_ready().wait_for_flag();
  start_second(code);
  code.with({0x80, 0x3d}, 0x9000).bytes({0x00, 0x74, 0xf7}).end();
  make_two(code);
  machine_->start();
  ASSERT_TRUE(comes_true([&] { return counter() == 1; }));
  const auto other = twin();
  EXPECT_EQ(other->state().vcpus[1].mp_state.mp_state, std::uint32_t{KVM_MP_STATE_UNINITIALIZED});
  *other->at(flag) = std::byte{1};
  EXPECT_EQ(other->run().kind, GuestExit::Kind::exited);
  EXPECT_EQ(*at(0x9000), std::byte{0});
}

// What a state says is what a machine made of it says again.
TEST_F(StateOfMachine, OneThatGoesOnHasTheSameState) {
  config_.cpus = 2;
  config_.devices.rng = config_.devices.balloon = config_.devices.console = true;
  make_small(test::counting_code()).start();
  ASSERT_TRUE(counts_on());
  machine_->receive(std::as_bytes(std::span(std::string_view("typed"))));
  gate().pause();
  const auto other = twin();
  MachineState state = other->state();
  MachineState again = other->saved();
  EXPECT_GE(again.vm.clock_ns, state.vm.clock_ns) << "the guest's clock went back";
  EXPECT_EQ(state.pc.uart.received, "typed");
  again.moment = state.moment;
  again.vm.clock_ns = state.vm.clock_ns;
  EXPECT_EQ(again.pc, state.pc);
  EXPECT_EQ(again.virtio, state.virtio);
  EXPECT_EQ(again.vm, state.vm);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again.vcpus[i].tsc, state.vcpus[i].tsc);
    EXPECT_EQ(again.vcpus[i].msrs, state.vcpus[i].msrs);
  }
  EXPECT_EQ(again, state);
  gate().unpause();
  EXPECT_TRUE(counts_on()) << "the parent goes on, too";
}

TEST_F(StateOfMachine, InterruptControllersAndTimerAreAsTheyWere) {
  make_small(test::counting_code());
  MachineState state = saved();
  state.bare = false;  // a PC, which has a timer
  state.vm.controllers[0].chip.pic.imr = 0xa5;
  state.vm.controllers[1].chip.pic.irq_base = 0x70;
  state.vm.controllers[2].chip.ioapic.redirtbl[7].bits = 0x0001'0000'0001'0031;  // masked
  state.vm.controllers[2].chip.ioapic.irr = 0x80;
  state.vm.interval_timer.emplace();
  state.vm.interval_timer->channels[2].count = 4711;
  state.vm.interval_timer->channels[2].mode = 3;
  test::Twin other(config_, state);
  MachineState again = other.saved();
  EXPECT_EQ(again.vm.controllers[0], state.vm.controllers[0]);
  EXPECT_EQ(again.vm.controllers[1], state.vm.controllers[1]);
  EXPECT_EQ(again.vm.controllers[2], state.vm.controllers[2]);
  ASSERT_TRUE(again.vm.interval_timer);
  EXPECT_EQ(again.vm.interval_timer->channels[2].count, 4711U);
  EXPECT_EQ(again.vm.interval_timer->channels[2].mode, 3);
}

// The line is the UART's, the request is the controller's: neither is made twice.
TEST_F(StateOfMachine, AnInterruptLineThatIsUpStaysUp) {
  make_small(test::counting_code());
  MachineState state = saved();
  state.pc.uart.interrupt_enable = 1;
  state.pc.uart.received = "x";
  state.pc.uart.line_up = true;
  test::Twin other(config_, state);
  EXPECT_EQ(other.saved().vm.controllers, state.vm.controllers)
      << "a line that is restored is not a new edge";
  EXPECT_TRUE(other.saved().pc.uart.line_up);
}

TEST_F(StateOfMachine, AMachineThatIsNotTheSameIsRefused) {
  make_small(test::counting_code());
  const MachineState state = saved();
  MachineState wrong = state;
  wrong.memory_bytes *= 2;
  EXPECT_THAT(why_not(wrong), HasSubstr("its memory was 16777216 and is 8388608 now"));
  wrong = state;
  wrong.vcpus.push_back(state.vcpus.front());
  EXPECT_THAT(why_not(wrong), HasSubstr("its vCPUs was 2 and is 1 now"));
  wrong = state;
  wrong.virtio.emplace_back();
  EXPECT_THAT(why_not(wrong), HasSubstr("it had 1 virtio devices and is given 0"));
  wrong = state;
  for (auto& entry : wrong.vcpus.front().cpuid) {
    if (entry.function == 1) entry.ecx |= 1U << 5U;  // VMX
  }
  EXPECT_THAT(why_not(wrong),
              HasSubstr("cannot restore vCPU 0: its CPU had the feature of CPUID leaf 0x1.0, ecx "
                        "bit 5, which this host's does not have"));
  wrong = state;
  wrong.vcpus.front().cpuid.clear();
  EXPECT_THAT(why_not(wrong), HasSubstr("another maker"));
  wrong = state;
  wrong.vcpus.front().xsave.resize(100);
  EXPECT_THAT(why_not(wrong), HasSubstr("cannot restore a vCPU's FPU: it has another size"));
  wrong = state;
  wrong.vcpus.front().msrs.front().index = 0x4711'0815;
  EXPECT_THAT(why_not(wrong), HasSubstr("MSR 0x47110815"));
  EXPECT_EQ(why_not(state), "it goes on");
}

TEST_F(StateOfMachine, AGuestThatHasEndedHasNone) {
  make_small(Code().end().all()).start();
  test::end_of(*machine_);
  EXPECT_THROW(static_cast<void>(saved()), UserError);
}

TEST_F(StateOfMachine, HoldingForAStateIsIndependentOfPauseAndBarrier) {
  make_small(test::counting_code()).start();
  ASSERT_TRUE(counts_on());
  gate().pause();
  {
    const AllHeld held(gate());
    gate().hold();
    gate().release();
    gate().unpause();
    const std::uint32_t before = counter();
    ASSERT_TRUE(samepage::test::wait_until_other_threads_sleep());
    EXPECT_EQ(counter(), before);
  }
  EXPECT_TRUE(counts_on());
}

}  // namespace
}  // namespace samepage::vmm
