// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/requirements.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/units.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm {
namespace {

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  [[nodiscard]] bool overlaps(const Range& other) const { return start < other.end && other.start < end; }
};

Range place_of(const RomPlace& rom) {
  const std::string where = fmt::format("cannot place ROM {} at {:#x}", rom.path, rom.address.value);
  if (!is_page_aligned(rom.address.value)) {
    throw UserError(where + ": the address is not a multiple of 4096");
  }
  const std::uint64_t limit = layout::rom_limit.value;
  if (rom.address.value >= limit || rom.bytes > limit - rom.address.value) {
    throw UserError(fmt::format("{}: it must end below {:#x}", where, limit));
  }
  return {rom.address.value, rom.address.value + pages_for(rom.bytes).bytes()};
}

void require_free(const RomPlace& rom, const Range& place, std::uint64_t memory_bytes) {
  const std::string where = fmt::format("cannot place ROM {} at {:#x}", rom.path, rom.address.value);
  for (const GfnRange& ram : ram_ranges(memory_bytes)) {
    if (!place.overlaps({ram.first.gpa().value, ram.end().gpa().value})) continue;
    throw UserError(fmt::format("{}: the guest's RAM is there; use an address from {:#x} on", where,
                                ram.end().gpa().value));
  }
  if (place.overlaps({layout::virtio_devices.value, layout::virtio_devices_end.value})) {
    throw UserError(fmt::format("{}: it would cover the virtio devices from {:#x} to {:#x}", where,
                                layout::virtio_devices.value, layout::virtio_devices_end.value));
  }
  if (place.overlaps({layout::devices.value, layout::high_ram.value})) {
    throw UserError(fmt::format("{}: it would cover the interrupt controllers; it must end below {:#x}",
                                where, layout::devices.value));
  }
}

}  // namespace

void require_memory_size(std::uint64_t memory_bytes, std::uint64_t host_bytes) {
  if (!is_page_aligned(memory_bytes) || memory_bytes == 0) {
    throw UserError(
        fmt::format("the guest's memory of {} bytes must be a multiple of 4096 and not 0; give, for "
                    "example, 64M",
                    memory_bytes));
  }
  if (memory_bytes > host_bytes) {
    throw UserError(fmt::format("the guest's memory of {} is more than this host's {}; give it less",
                                format_size(memory_bytes), format_size(host_bytes)));
  }
}

void require_room(const std::string& image_path, const Image& image, std::uint64_t memory_bytes) {
  const std::uint64_t need = pages_for(image.end().value).bytes() + layout::working_memory;
  if (memory_bytes >= need) return;
  throw UserError(fmt::format("cannot boot {} with {} of memory: the image needs at least {} ({}K)",
                              image_path, format_size(memory_bytes), format_size(need), need >> 10U));
}

void require_cpus(unsigned cpus, unsigned kvm_limit) {
  const unsigned max_cpus = std::min(kvm_limit, layout::max_cpus);
  if (cpus >= 1 && cpus <= max_cpus) return;
  throw UserError(
      fmt::format("a guest can't have {} CPUs: it may have 1 to {} on this host", cpus, max_cpus));
}

void require_command_line(const std::string& command_line, ImageKind kind, const std::string& image_name) {
  constexpr std::size_t linux_limit = 2047;  // COMMAND_LINE_SIZE of x86: it would cut off the rest
  std::size_t longest = layout::command_line_bytes - 1;
  if (kind == ImageKind::linux_kernel) longest = linux_limit;
  if (kind == ImageKind::multiboot) longest -= image_name.size() + 1;
  if (command_line.size() <= longest) return;
  throw UserError(
      fmt::format("the guest's command line has {} bytes; at most {} fit", command_line.size(), longest));
}

void require_hardware_virtualization(const std::string& image_path, ImageKind kind,
                                     std::string_view host_flags) {
  if (kind != ImageKind::linux_kernel) return;
  const auto has = [padded = fmt::format(" {} ", host_flags)](const char* flag) {
    return padded.find(flag) != std::string::npos;
  };
  if (has(" vmx ") || has(" svm ")) return;
  throw UserError(
      fmt::format("cannot boot {}: it is a Linux kernel, and this host's CPU shows neither VT-x nor AMD-V, "
                  "so KVM interprets "
                  "kernels instruction by instruction, too slowly to get through a boot; run it on a machine "
                  "where `grep -E "
                  "'vmx|svm' /proc/cpuinfo` finds something, or set SAMEPAGE_ANY_HOST=1 to try it here",
                  image_path));
}

Gpa initrd_address(const std::string& path, std::uint64_t bytes, Gpa image_end, std::uint64_t memory_bytes) {
  constexpr std::uint64_t reach = std::uint64_t{2}
                                  << 30U;  // initrd_addr_max of every x86 kernel is at least that
  const std::uint64_t top = std::min(memory_bytes, reach);
  const std::uint64_t low = pages_for(image_end.value).bytes() + layout::working_memory;
  const std::uint64_t room = pages_for(bytes).bytes();
  if (room <= top && top - room >= low) return Gpa{top - room};
  if (room > reach || low > reach - room) {
    throw UserError(fmt::format(
        "cannot load the initrd {} of {}: it must end below {}, behind the kernel, whatever memory "
        "there is, so it can have {} at most; put what is in it on a disk ('--disk')",
        path, format_size(bytes), format_size(reach), format_size(low < reach ? reach - low : 0)));
  }
  throw UserError(
      fmt::format("cannot load the initrd {} with {} of memory: kernel and initrd need at least {} ({}K)",
                  path, format_size(memory_bytes), format_size(low + room), (low + room) >> 10U));
}

void require_rom_places(std::span<const RomPlace> roms, std::uint64_t memory_bytes) {
  if (roms.size() > layout::max_roms) {
    throw UserError(fmt::format("a guest can't have {} ROMs: at most {}; put several files into one",
                                roms.size(), layout::max_roms));
  }
  std::vector<Range> places;
  for (const RomPlace& rom : roms) {
    const Range place = place_of(rom);
    require_free(rom, place, memory_bytes);
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!place.overlaps(places[i])) continue;
      throw UserError(fmt::format("cannot place ROM {} at {:#x}: ROM {} reaches from {:#x} to {:#x}",
                                  rom.path, rom.address.value, roms[i].path, places[i].start, places[i].end));
    }
    places.push_back(place);
  }
}

}  // namespace samepage::vmm
