// SPDX-License-Identifier: Apache-2.0
// What happens when a vCPU comes out of the guest: which exit goes to which device, and what ends the guest.
// Called on the vCPU's thread. Touches no guest memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/types.hpp"
#include "vmm/devices/mmio_bus.hpp"
#include "vmm/devices/port_bus.hpp"
#include "vmm/kvm/vcpu.hpp"
#include "vmm/machine.hpp"

namespace samepage::vmm {

/// What the handling of an exit needs to know of the machine.
struct ExitScene {
  const PortBus& ports;
  const MmioBus& mmio;
  Gpa ram_end;
  std::vector<GfnRange> roms;
};

/// Handles what `vcpu` exited for. Empty: the vCPU goes on.
[[nodiscard]] std::optional<GuestExit> handle_exit(Vcpu& vcpu, const ExitScene& scene);
/// The end of a guest whose KVM_RUN failed with `error`.
[[nodiscard]] GuestExit run_failed(const Vcpu& vcpu, int error);

}  // namespace samepage::vmm
