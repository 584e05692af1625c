// SPDX-License-Identifier: Apache-2.0
// A guest of a few instructions that drives a virtio disk: registers by exit, notifications by ioeventfd, and
// a device thread that writes guest memory, which the write barrier must hold. Long for the driver, which is
// written in bytes.
#include <poll.h>

#include <cstring>
#include <future>
#include <thread>

#include "tests/base/other_threads.hpp"
#include "tests/vmm/machine/raw_guest.hpp"
#include "tests/vmm/machine/twin.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

constexpr std::uint32_t registers = layout::virtio_devices.value;
constexpr std::uint32_t descriptors = 0x30'0000;
constexpr std::uint32_t driver_area = 0x30'1000;
constexpr std::uint32_t device_area = 0x30'2000;
constexpr std::uint32_t request_header = 0x30'3000;
constexpr std::uint32_t request_status = 0x30'3100;
constexpr std::uint32_t console_descriptors = 0x30'4000;
constexpr std::uint32_t console_driver_area = 0x30'5000;
constexpr std::uint32_t console_device_area = 0x30'6000;
constexpr std::uint32_t buffer = 0x40'0000;
constexpr std::uint32_t buffer_bytes = 0x20'0000;

void append(std::vector<std::uint8_t>& code, std::initializer_list<std::uint8_t> bytes) {
  code.insert(code.end(), bytes);
}
void append(std::vector<std::uint8_t>& code, std::uint32_t word) {
  for (unsigned shift = 0; shift < 32; shift += 8) code.push_back(static_cast<std::uint8_t>(word >> shift));
}

// Writes the register values of the table at data_address, up to one with address -1.
std::vector<std::uint8_t> set_registers() {
  std::vector<std::uint8_t> code{0xbe};  // mov esi, data_address
  append(code, test::data_address);
  append(code, {
                   0x8b, 0x3e,        // next: mov edi, [esi]
                   0x83, 0xff, 0xff,  // cmp edi, -1
                   0x74, 0x0a,        // je done
                   0x8b, 0x46, 0x04,  // mov eax, [esi + 4]
                   0x89, 0x07,        // mov [edi], eax
                   0x83, 0xc6, 0x08,  // add esi, 8
                   0xeb, 0xef,        // jmp next
               });                    // done:
  return code;
}

using Writes = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // registers and values

// Makes a device ready with one queue.
Writes start_device(std::uint32_t base, std::uint32_t queue, std::uint32_t table, std::uint32_t available,
                    std::uint32_t used) {
  Writes writes{{0x70, 3},    {0x24, 1},     {0x20, 1}, {0x70, 11},        {0x30, queue},
                {0x38, 4},    {0x80, table}, {0x84, 0}, {0x90, available}, {0x94, 0},
                {0xa0, used}, {0xa4, 0},     {0x44, 1}, {0x70, 15}};
  for (auto& [offset, value] : writes) offset += base;
  return writes;
}

std::string register_table(Writes before = {}) {
  const Writes disk = start_device(registers, 0, descriptors, driver_area, device_area);
  before.insert(before.end(), disk.begin(), disk.end());
  std::string table;
  const auto put = [&table](std::uint32_t word) {
    table.append(reinterpret_cast<const char*>(&word), sizeof(word));  // SAFETY: bytes may be read as chars
  };
  for (const auto& [address, value] : before) put(address), put(value);
  put(~std::uint32_t{0});
  return table;
}

// Offers the next chain and notifies of it.
void offer(std::vector<std::uint8_t>& code) {
  append(code, {0x66, 0xff, 0x05});  // inc word [driver_area + 2]
  append(code, driver_area + 2);
  append(code, {0xc7, 0x05});  // mov dword [notify], 0
  append(code, registers + 0x50);
  append(code, 0U);
}

// Offers the request again and again, and counts the answers at counter_address.
std::vector<std::uint8_t> repeat_request() {
  std::vector<std::uint8_t> code = set_registers();
  offer(code);                 // again:
  append(code, {0x66, 0xa1});  // wait: mov ax, [driver_area + 2]
  append(code, driver_area + 2);
  append(code, {0x66, 0x3b, 0x05});  // cmp ax, [device_area + 2]
  append(code, device_area + 2);
  append(code, {0x75, 0xf1});  // jne wait
  append(code, {0xff, 0x05});  // inc dword [counter]
  append(code, test::counter_address);
  append(code, {0xeb, 0xd8});  // jmp again
  return code;
}

// Offers one chain, notifies of it, and does nothing more.
std::vector<std::uint8_t> offer_once() {
  std::vector<std::uint8_t> code = set_registers();
  offer(code);
  append(code, {0xeb, 0xfe});  // jmp to itself
  return code;
}

// Notifies once, waits for the answer, and exits with the interrupt status.
std::vector<std::uint8_t> request_once() {
  std::vector<std::uint8_t> code = set_registers();
  offer(code);
  append(code, {0x0f, 0xb7, 0x05});  // wait: movzx eax, word [device_area + 2]
  append(code, device_area + 2);
  append(code, {0x85, 0xc0, 0x74, 0xf5, 0xa1});  // test eax, eax; je wait; mov eax, [interrupt status]
  append(code, registers + 0x60);
  append(code, {0xe6, 0xf4});  // out 0xf4, al
  return code;
}

class MachineVirtio : public test::RawGuest {
 protected:
  Machine& make_with_disk(const std::vector<std::uint8_t>& code, const Writes& before = {},
                          MachineConfig config = {}) {
    std::vector<std::byte> content(buffer_bytes, std::byte{0x77});
    disk_ = std::make_unique<test::TemporaryFile>(content);
    config.devices.disks.push_back({disk_->path(), DiskAccess::read_only});
    Machine& machine = make(code, register_table(before), config);
    put<std::uint64_t>(request_header, 0);      // a read
    put<std::uint64_t>(request_header + 8, 0);  // of the first sector and what follows
    put_descriptor(descriptors, 0, request_header, 16, 1, 1);
    put_descriptor(descriptors, 1, buffer, buffer_bytes, 3, 2);
    put_descriptor(descriptors, 2, request_status, 1, 2, 0);
    put<std::uint8_t>(request_status, 0xff);
    return machine;
  }
  [[nodiscard]] std::byte* at(std::uint32_t address) const { return machine_->ram().front().host + address; }
  template <typename T>
  void put(std::uint32_t address, T value) const {
    std::memcpy(at(address), &value, sizeof(value));
  }
  void put_descriptor(std::uint32_t table, std::uint32_t number, std::uint64_t address, std::uint32_t length,
                      std::uint16_t flags, std::uint16_t next) const {
    const std::uint32_t place = table + 16 * number;
    put(place, address);
    put(place + 8, length);
    put(place + 12, flags);
    put(place + 14, next);
  }

  std::unique_ptr<test::TemporaryFile> disk_;
};

TEST_F(MachineVirtio, AGuestReadsItsDisk) {
  Machine& machine = make_with_disk(request_once());
  machine.start();
  const GuestExit exit = test::end_of(machine);
  EXPECT_EQ(exit.kind, GuestExit::Kind::exited) << exit.message;
  EXPECT_EQ(exit.code, 1);  // used buffer
  EXPECT_EQ(std::to_integer<int>(*at(request_status)), 0);
  EXPECT_EQ(std::to_integer<int>(*at(buffer)), 0x77);
  EXPECT_EQ(std::to_integer<int>(*at(buffer + buffer_bytes - 1)), 0x77);
}

// A request of 2 MiB is nearly always on its way when the guest is held; what the test writes meanwhile must
// stay. Broken when hold() does not wait for the devices, or they do not wait for release().
TEST_F(MachineVirtio, DevicesAreHeldToo) {
  Machine& machine = make_with_disk(repeat_request());
  machine.start();
  ASSERT_TRUE(counts_on());
  const std::span<std::byte> guest(at(buffer), buffer_bytes);
  for (int round = 0; round < 200; ++round) {
    gate().hold();
    std::fill(guest.begin(), guest.end(), std::byte{0xee});
    for (int look = 0; look < 3; ++look) {
      std::this_thread::yield();
      ASSERT_EQ(std::count(guest.begin(), guest.end(), std::byte{0xee}), std::ptrdiff_t{buffer_bytes});
    }
    gate().release();
    if (round % 10 == 0) {
      ASSERT_TRUE(counts_on());
    }
  }
}

TEST_F(MachineVirtio, PauseHoldsDevicesToo) {
  Machine& machine = make_with_disk(repeat_request());
  machine.start();
  ASSERT_TRUE(counts_on());
  gate().pause();
  const std::span<std::byte> guest(at(buffer), buffer_bytes);
  std::fill(guest.begin(), guest.end(), std::byte{0xee});
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  EXPECT_EQ(std::count(guest.begin(), guest.end(), std::byte{0xee}), std::ptrdiff_t{buffer_bytes});
  gate().unpause();
  EXPECT_TRUE(counts_on());
}

// Who waits for the end can still do something about what a device waits for (a console that nobody reads);
// who joins its thread afterwards can't.
TEST_F(MachineVirtio, AGuestWhoseDeviceIsStillAtWorkHasNotEnded) {
  std::promise<void> working;
  std::promise<void> go_on;
  MachineConfig config;
  config.devices.balloon = true;
  links_.discard = [&](std::span<const GfnRange>) {
    working.set_value();
    wait_for(go_on, "the test to let it go on");
  };
  Machine& machine = make(offer_once(), register_table(), config);
  put_descriptor(descriptors, 0, buffer, 4, 0, 0);  // the number of a page
  machine.start();
  wait_for(working, "the device to give up a page");
  machine.request_stop();
  gate().hold();  // returns when the vCPU is out
  pollfd ended{machine.ended_fd(), POLLIN, 0};
  EXPECT_TRUE(samepage::test::wait_until_other_threads_sleep());
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  gate().release();
  go_on.set_value();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::stopped);
}

// Broken when the console is served on the thread of the other devices.
TEST_F(MachineVirtio, AConsoleThatNobodyReadsStopsNoDisk) {
  constexpr std::uint32_t console = registers + layout::virtio_device_bytes;
  constexpr std::uint32_t transmit_queue = 1;
  Writes print =
      start_device(console, transmit_queue, console_descriptors, console_driver_area, console_device_area);
  print.emplace_back(console + 0x50, transmit_queue);  // notify
  MachineConfig config;
  config.devices.console = true;
  std::promise<void> printing;
  std::promise<void> read;
  links_.watch = [&](std::string_view) {
    printing.set_value();
    wait_for(read, "the test to read");
  };
  Machine& machine = make_with_disk(repeat_request(), print, config);
  put_descriptor(console_descriptors, 0, buffer, 1, 0, 0);
  put<std::uint16_t>(console_driver_area + 2, 1);  // one chain is offered
  machine.start();
  wait_for(printing, "the guest to print");
  EXPECT_TRUE(counts_on());
  EXPECT_TRUE(counts_on());
  read.set_value();
}

// Nearly always in the middle of a request: the other one makes it again, and both go on.
TEST_F(MachineVirtio, AGuestGoesOnWithItsDiskElsewhere) {
  MachineConfig config;
  config.memory_bytes = std::uint64_t{16} << 20U;
  Machine& machine = make_with_disk(repeat_request(), {}, config);
  config.devices.disks.push_back({disk_->path(), DiskAccess::read_only});
  machine.start();
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(counts_on());
    test::Twin other(config, machine, *chassis_);
    const auto count = [&other] {
      std::uint32_t value = 0;
      std::memcpy(&value, other.at(test::counter_address), sizeof(value));
      return value;
    };
    const std::uint32_t before = count();
    std::fill_n(other.at(buffer), buffer_bytes, std::byte{0});
    other.machine().start();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (count() < before + 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_GE(count(), before + 2);
    EXPECT_EQ(*other.at(buffer + buffer_bytes - 1), std::byte{0x77});
  }
  EXPECT_TRUE(counts_on());
}

TEST_F(MachineVirtio, AnAddressWithoutDeviceStillEndsTheGuest) {
  Machine& machine = make_with_disk({0xa1, 0x00, 0x10, 0x00, 0xd0});  // mov eax, [0xd0001000]
  machine.start();
  EXPECT_EQ(test::end_of(machine).kind, GuestExit::Kind::failed);
}

}  // namespace
}  // namespace samepage::vmm
