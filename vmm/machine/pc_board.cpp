// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/pc_board.hpp"

#include <sys/random.h>

#include <utility>

#include "base/check.hpp"
#include "guest/abi.hpp"
#include "vmm/boot/acpi.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

constexpr AcpiPorts::Values acpi_values{acpi_s5_type << acpi_sleep_type_shift | acpi_sleep_enable,
                                        acpi_reset_value};

// Whether a guest switches itself off or resets itself, it has come to its end.
OnPowerEvent ends_guest(GuestEnd& ending) {
  return [&ending](PowerEvent) { ending.record({GuestExit::Kind::exited, 0, {}}); };
}

GenerationBytes random_generation() {
  GenerationBytes bytes{};
  check(::getrandom(bytes.data(), bytes.size(), 0), "getrandom");
  return bytes;
}

}  // namespace

PcBoard::PcBoard(const MachineConfig& config, ImageKind kind, Console::Sink print,
                 Uart16550::InterruptLine com1, GuestEnd& ending)
    : console_(std::move(print)),
      uart_(console_, std::move(com1)),
      debug_exit_([&ending](int code) {
        ending.record({GuestExit::Kind::exited, code, {}});
      }),
      acpi_ports_(acpi_values, ends_guest(ending)),
      keyboard_reset_(ends_guest(ending)),
      firmware_config_(config.cpus, config.memory_bytes),
      generation_id_(random_generation()) {
  bool added = ports_.add(abi::com1_port, Uart16550::ports, uart_) &&
               ports_.add(abi::debug_exit_port, DebugExit::ports, debug_exit_) &&
               ports_.add(abi::generation_port, GenerationId::ports, generation_id_);
  if (kind != ImageKind::bare) {
    added = added && ports_.add(layout::acpi_sleep_control_port, AcpiPorts::ports, acpi_ports_) &&
            ports_.add(KeyboardReset::port, 1, keyboard_reset_) &&
            ports_.add(FirmwareConfig::port, FirmwareConfig::ports, firmware_config_);
  }
  invariant(added, "two devices claim one port");
}

void PcBoard::renew_generation() {
  generation_id_ = GenerationId(random_generation());
}

PcBoardState PcBoard::save() {
  return {console_.save(), uart_.save(), firmware_config_.save()};
}

void PcBoard::restore(const PcBoardState& state) {
  console_.restore(state.console);
  uart_.restore(state.uart);
  firmware_config_.restore(state.firmware_config);
}

}  // namespace samepage::vmm
