// SPDX-License-Identifier: Apache-2.0
// What a guest has at I/O ports: a serial console and the debug exit, and where a kernel was not written for
// Samepage, the ports by which PCs are switched off and reset and those that tell of CPUs and memory.
#pragma once

#include <functional>
#include <string_view>

#include "vmm/boot/image.hpp"
#include "vmm/devices/acpi_ports.hpp"
#include "vmm/devices/console.hpp"
#include "vmm/devices/debug_exit.hpp"
#include "vmm/devices/firmware_config.hpp"
#include "vmm/devices/generation_id.hpp"
#include "vmm/devices/port_bus.hpp"
#include "vmm/devices/uart16550.hpp"
#include "vmm/machine/guest_end.hpp"
#include "vmm/machine/machine_config.hpp"
#include "vmm/machine/machine_state.hpp"

namespace samepage::vmm {

class PcBoard {
 public:
  /// `print` takes what the guest prints, in lines. `com1` is the interrupt line of the serial port, which is
  /// used once the guest runs. `ending`, which hears of a guest that ends itself, must outlive the board.
  PcBoard(const MachineConfig& config, ImageKind kind, Console::Sink print, Uart16550::InterruptLine com1,
          GuestEnd& ending);
  PcBoard(const PcBoard&) = delete;
  PcBoard& operator=(const PcBoard&) = delete;

  [[nodiscard]] const PortBus& ports() const { return ports_; }
  [[nodiscard]] Console& console() { return console_; }
  [[nodiscard]] Uart16550& uart() { return uart_; }
  [[nodiscard]] const GenerationId& generation_id() const { return generation_id_; }
  /// While the guest is held.
  void renew_generation();

  /// While the guest is held.
  [[nodiscard]] PcBoardState save();
  /// Before the interrupt controllers' state is restored. Throws UserError when that is not a state of it.
  void restore(const PcBoardState& state);

 private:
  Console console_;
  Uart16550 uart_;
  DebugExit debug_exit_;
  AcpiPorts acpi_ports_;
  KeyboardReset keyboard_reset_;
  FirmwareConfig firmware_config_;
  GenerationId generation_id_;
  PortBus ports_;
};

}  // namespace samepage::vmm
