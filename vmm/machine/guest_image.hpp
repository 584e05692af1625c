// SPDX-License-Identifier: Apache-2.0
// A guest's image and what goes with it: its initrd, its command line. First opened and checked, then put
// into memory together with what the guest is told of the machine around it.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/types.hpp"
#include "dedup/agent/image_placer.hpp"
#include "vmm/boot/acpi.hpp"
#include "vmm/boot/boot_information.hpp"
#include "vmm/boot/kernel_file.hpp"
#include "vmm/machine/machine_config.hpp"
#include "vmm/memory/file_view.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace samepage::vmm {

/// What a guest is told of its machine.
struct Surroundings {
  std::span<const GfnRange> roms;
  std::span<const AcpiVirtioDevice> devices;
  unsigned cpus = 1;
};

class GuestImage {
 public:
  /// Opens image and initrd. Throws UserError unless they can run here and fit.
  explicit GuestImage(const MachineConfig& config);

  /// Where and how the guest starts.
  [[nodiscard]] const Image& image() const { return kernel_.image; }

  /// Puts everything into memory, whole pages of the image through `placer` where that is not null. Throws
  /// UserError when a file was cut short since it was opened.
  void load(const GuestMemory& memory, const Surroundings& around, dedup::ImagePlacer* placer) const;

 private:
  [[nodiscard]] std::optional<InitrdPlace> load_initrd(const GuestMemory& memory) const;

  KernelFile kernel_;
  std::string name_;
  std::string command_line_;
  std::optional<FileView> initrd_;
  Gpa initrd_address_;
};

}  // namespace samepage::vmm
