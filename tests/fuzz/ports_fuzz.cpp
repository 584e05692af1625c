// SPDX-License-Identifier: Apache-2.0
// A guest that reads and writes any port and any address of its devices, in any width: serial port, debug
// exit, ACPI registers, keyboard controller, firmware configuration, generation ID, and the registers of a
// virtio device. A read gives what is defined, never the bytes that were there; what the guest ends with is
// what it wrote; and a state that is saved is one that can be restored.
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/check.hpp"
#include "guest/abi.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"
#include "vmm/boot/acpi.hpp"
#include "vmm/devices/virtio/rng.hpp"
#include "vmm/machine/pc_board.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm::test {
namespace {

using samepage::test::Input;

constexpr Gpa virtio_window{0xfeb0'0000};
constexpr std::array<std::uint16_t, 7> ports{abi::com1_port,
                                             abi::debug_exit_port,
                                             abi::generation_port,
                                             layout::acpi_sleep_control_port,
                                             KeyboardReset::port,
                                             FirmwareConfig::port,
                                             0xfff8};
constexpr std::array<std::size_t, 4> port_widths{1, 2, 4, 1};

class Board {
 public:
  explicit Board(ImageKind kind) : pc_(config(), kind, print(), interrupt(), ending_), driver_(device_) {
    invariant(mmio_.add(virtio_window, MmioTransport::bytes, driver_.transport_), "the window is taken");
  }

  void step(Input& input) {
    switch (input.below(16)) {
      case 0:
        return type(input);
      case 1:
        return save_and_restore();
      case 2:
        return pc_.console().flush();
      case 3:
        return driver_.serve();
      case 4:
      case 5:
      case 6:
        return access_memory(input);
      default:
        return access_port(input);
    }
  }

 private:
  static MachineConfig config() {
    MachineConfig config;
    config.cpus = 3;
    return config;
  }
  Console::Sink print() {
    return [this](std::string_view text) { printed_ += text.size(); };
  }
  Uart16550::InterruptLine interrupt() {
    return [this](bool up) { up_ = up; };
  }

  void access_port(Input& input) {
    const auto port = static_cast<std::uint16_t>(input.one_of(ports) + input.below(12));
    std::array<std::byte, 4> bytes{};
    const auto data = std::span(bytes).first(input.one_of(port_widths));
    if (input.chance(2)) {
      // Whatever is read does not depend on what was there before.
      bytes.fill(std::byte{0x5a});
      if (pc_.ports().read(port, data) != PortAccess::done) return check_untouched(data);
      return;
    }
    const auto value = input.take<std::uint32_t>();
    std::memcpy(bytes.data(), &value, sizeof(value));
    const bool had_reason = ending_.has_reason();
    const PortAccess access = pc_.ports().write(port, data);
    if (had_reason || !ending_.has_reason()) return;
    invariant(access == PortAccess::done, "a guest ends at a port that no device has");
    check_end(port, data);
  }

  static void check_untouched(std::span<const std::byte> data) {
    for (const std::byte byte : data) invariant(byte == std::byte{0x5a}, "an access to nothing gives bytes");
  }

  // Who ended itself has said so.
  void check_end(std::uint16_t port, std::span<const std::byte> data) {
    const GuestExit exit = ending_.wait();
    if (port < abi::debug_exit_port || port >= abi::debug_exit_port + DebugExit::ports) {
      return invariant(exit.kind == GuestExit::Kind::exited && exit.code == 0,
                       "it was reset or switched off");
    }
    std::uint32_t value = 0;
    std::memcpy(&value, data.data(), data.size());
    invariant(exit.code == static_cast<int>(std::min(value, 255U)), "it ended with another code");
  }

  void access_memory(Input& input) {
    const std::uint64_t offset = input.chance(8) ? MmioTransport::bytes - input.below(8) : input.below(0x200);
    const Gpa address{virtio_window.value + offset};
    std::array<std::byte, 8> bytes{};
    const auto data = std::span(bytes).first(1 + input.below(8));
    if (input.chance(2)) {
      bytes.fill(std::byte{0x5a});
      if (mmio_.read(address, data) != MmioAccess::done) check_untouched(data);
      return;
    }
    const auto value = input.take<std::uint64_t>();
    std::memcpy(bytes.data(), &value, sizeof(value));
    static_cast<void>(mmio_.write(address, data));
  }

  void type(Input& input) {
    const auto typed = std::as_bytes(input.take_bytes(input.below(64)));
    invariant(pc_.uart().receive(typed) <= typed.size(), "more is taken than was typed");
  }

  void save_and_restore() {
    const PcBoardState state = pc_.save();
    pc_.restore(state);
    invariant(pc_.save() == state, "a board is not what it was");
  }

  GuestEnd ending_;
  std::size_t printed_ = 0;
  bool up_ = false;
  PcBoard pc_;
  Rng device_;
  FakeDriver driver_;
  MmioBus mmio_;
};

}  // namespace
}  // namespace samepage::vmm::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage::vmm;  // NOLINT(google-build-using-namespace): libFuzzer's own name is global
  samepage::test::Input input(data, size);
  test::Board board(input.chance(2) ? ImageKind::bare : ImageKind::linux_kernel);
  while (!input.empty()) board.step(input);
  return 0;
}
