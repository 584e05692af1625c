// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_image.hpp"

#include <cstdlib>
#include <filesystem>

#include "base/check.hpp"
#include "vmm/boot/loader.hpp"
#include "vmm/boot/requirements.hpp"
#include "vmm/boot/reset_code.hpp"
#include "vmm/kvm/host_cpu.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

// What a kernel that was not written for Samepage looks for where PCs have it.
void write_firmware(const GuestMemory& memory, const Surroundings& around) {
  invariant(memory.write(layout::acpi_tables, acpi_tables(around.cpus, around.devices)),
            "the ACPI tables are outside RAM");
  invariant(memory.write(layout::reset_vector, reset_code), "the reset vector is outside RAM");
}

}  // namespace

GuestImage::GuestImage(const MachineConfig& config)
    : kernel_(open_kernel(config.image, config.entry)),
      name_(std::filesystem::path(config.image).filename()),
      command_line_(config.command_line) {
  if (std::getenv("SAMEPAGE_ANY_HOST") == nullptr) {
    require_hardware_virtualization(config.image, image().kind, host_cpu_flags());
  }
  require_command_line(command_line_, image().kind, name_);
  require_room(config.image, image(), config.memory_bytes);
  if (config.initrd.empty()) return;
  initrd_ = view_file(config.initrd, "load the initrd");
  // As high as it may lie.
  initrd_address_ = initrd_address(config.initrd, initrd_->bytes, image().end(), config.memory_bytes);
}

void GuestImage::load(const GuestMemory& memory, const Surroundings& around,
                      dedup::ImagePlacer* placer) const {
  load_segments(image(), kernel_.content(), memory, placer);
  kernel_.file.require_whole();
  write_boot_information(memory, {image().kind,
                                  image().protocol,
                                  {around.roms.begin(), around.roms.end()},
                                  command_line_,
                                  name_,
                                  load_initrd(memory),
                                  kernel_.setup_header});
  if (image().kind != ImageKind::bare) write_firmware(memory, around);
}

// It is copied: Linux frees it, and what is shared of it would break.
std::optional<InitrdPlace> GuestImage::load_initrd(const GuestMemory& memory) const {
  if (!initrd_) return std::nullopt;
  invariant(memory.write(initrd_address_, initrd_->content()), "the initrd is outside RAM");
  initrd_->require_whole();
  return InitrdPlace{initrd_address_, initrd_->bytes};
}

}  // namespace samepage::vmm
