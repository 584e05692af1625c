// SPDX-License-Identifier: Apache-2.0
// What pretends to be a machine's state: bytes, and a right content with changes in it under a right
// checksum. The reader takes it or names what is wrong. What it takes it writes as it was, and devices that
// are given it take it or say why not, and then stay within RAM.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.hpp"
#include "tests/vmm/devices/virtio/fake_driver.hpp"
#include "tests/vmm/machine/sample_state.hpp"
#include "vmm/devices/virtio/balloon.hpp"
#include "vmm/devices/virtio/rng.hpp"
#include "vmm/devices/virtio/virtio_console.hpp"
#include "vmm/machine/machine_state_bytes.hpp"

namespace samepage::vmm::test {
namespace {

constexpr std::size_t frame_bytes = 32;

std::string changed_sample(std::string_view changes) {
  static const std::string sample = bytes_of(sample_state()).substr(frame_bytes);
  std::string content = sample;
  // A few: most of what is changed in many places is not CBOR any more.
  for (int left = 4; left > 0 && changes.size() >= 4; --left, changes.remove_prefix(4)) {
    std::uint16_t place = 0;
    std::memcpy(&place, changes.data(), sizeof(place));
    if ((changes[3] & 7) == 0) {
      content.erase(place % content.size(), 1);
    } else {
      content[place % content.size()] = changes[2];
    }
    if (content.empty()) break;
  }
  return framed_state(content);
}

void use(VirtioDevice& device, const VirtioSlotState& state) {
  FakeDriver driver(device);
  static_cast<void>(device.restore(state.device));
  static_cast<void>(driver.transport_.restore(state.transport));
  driver.transport_.state().repeat_interrupt();
  driver.serve();
  static_cast<void>(driver.transport_.save());
  static_cast<void>(device.save());
}

void use(const MachineState& state) {
  for (const VirtioSlotState& slot : state.virtio) {
    Rng rng;
    use(rng, slot);
    VirtioConsole console([](std::string_view) {}, [] {});
    use(console, slot);
    Balloon balloon([](std::span<const GfnRange>) {}, [] {});
    use(balloon, slot);
  }
  FirmwareConfig firmware(1, 1);
  firmware.restore(state.pc.firmware_config);
  std::array<std::byte, 16> bytes{};
  firmware.read(1, bytes);
  Console console(nullptr);
  console.restore(state.pc.console);
  Uart16550 uart(console);
  try {
    uart.restore(state.pc.uart);
  } catch (const UserError&) {
    return;
  }
  for (std::uint16_t offset = 0; offset < Uart16550::ports; ++offset)
    uart.read(offset, std::span(bytes).first(1));
}

}  // namespace
}  // namespace samepage::vmm::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage;
  if (size == 0) return 0;
  // SAFETY: bytes may be read as chars.
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const unsigned how = data[0] % 4U;
  const std::string bytes = how == 0   ? std::string(input)
                            : how == 1 ? vmm::framed_state(input)
                                       : vmm::test::changed_sample(input);
  vmm::MachineState state;
  try {
    state = vmm::machine_state_of(bytes);
  } catch (const UserError&) {
    return 0;
  }
  if (vmm::machine_state_of(vmm::bytes_of(state)) != state) std::abort();
  vmm::test::use(state);
  return 0;
}
