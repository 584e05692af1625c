// SPDX-License-Identifier: Apache-2.0
// A guest that goes on from another one's state, over a copy of its memory.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "tests/vmm/machine/raw_guest.hpp"
#include "vmm/machine/machine.hpp"

namespace samepage::vmm::test {

/// Copies what is not zero, so that the copy stays small.
inline void copy_memory(const GuestMemory& from, const GuestMemory& to) {
  for (std::size_t i = 0; i < from.regions().size(); ++i) {
    const auto source = from.regions()[i].bytes();
    const auto target = to.regions()[i].bytes();
    for (std::size_t at = 0; at < source.size(); at += page_size) {
      const auto page = source.subspan(at, page_size);
      if (std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; }))
        continue;
      std::copy(page.begin(), page.end(), target.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

class Twin {
 public:
  /// Of `parent`, which stands on `chassis`, as it is at this moment.
  Twin(const MachineConfig& config, Machine& parent, Chassis& chassis) : chassis_(config) {
    const AllHeld held(chassis.gate);
    state_ = parent.save(held);
    copy_memory(chassis.memory, chassis_.memory);
    machine_ = std::make_unique<Machine>(config, state_, chassis_, links());
  }
  /// From a state that the caller has.
  Twin(const MachineConfig& config, const MachineState& state) : chassis_(config), state_(state) {
    machine_ = std::make_unique<Machine>(config, state_, chassis_, links());
  }

  [[nodiscard]] Machine& machine() { return *machine_; }
  [[nodiscard]] GuestGate& gate() { return chassis_.gate; }
  [[nodiscard]] const MachineState& state() const { return state_; }
  [[nodiscard]] MachineState saved() { return machine_->save(AllHeld(chassis_.gate)); }
  [[nodiscard]] std::byte* at(std::uint32_t address) const {
    return chassis_.memory.regions().front().host + address;
  }
  /// Until the guest ends. One that does not, because it is not what its parent was, is stopped.
  GuestExit run() {
    machine_->start();
    return end_of(*machine_);
  }

  std::string printed_;

 private:
  MachineLinks links() {
    MachineLinks links;
    links.print = [this](std::string_view text) { printed_ += text; };
    return links;
  }

  Chassis chassis_;
  MachineState state_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace samepage::vmm::test
