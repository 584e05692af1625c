// SPDX-License-Identifier: Apache-2.0
// What a snapshot has of a device whose file stays as it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "vmm/devices/virtio/written_runs.hpp"

namespace samepage::vmm {

struct WrittenDevice {
  enum class Kind : std::uint8_t { disk, pmem };
  Kind kind = Kind::disk;
  std::uint32_t number = 0;      // among those of its kind
  std::vector<WrittenRun> runs;  // in ascending order, without overlap

  friend bool operator==(const WrittenDevice&, const WrittenDevice&) = default;
};

/// Of all devices that have something.
struct WrittenDevices {
  std::uint64_t files = 0;     // that it is in
  std::uint64_t checksum = 0;  // of what is in the snapshot's own file, if it is there
  std::vector<WrittenDevice> list;

  friend bool operator==(const WrittenDevices&, const WrittenDevices&) = default;
};

/// As bytes, and back. `bytes` may be anything: throws UserError that begins "it is damaged".
[[nodiscard]] std::string bytes_of(const WrittenDevices& devices);
[[nodiscard]] WrittenDevices written_devices_of(const std::string& bytes);

/// Where bytes may be that devices have.
struct WrittenPlace {
  std::uint64_t files = 0;  // there are so many
  std::uint64_t first = 0;  // in each of them: bytes [first, end)
  std::uint64_t end = ~std::uint64_t{0};
};

/// What is wrong with them, if anything: for those that come from a file. Pure.
[[nodiscard]] bool makes_sense(std::span<const WrittenDevice> devices, const WrittenPlace& place);

/// The checksum of the bytes of all devices in one file. Throws std::system_error.
[[nodiscard]] std::uint64_t checksum_of(int fd, std::span<const WrittenDevice> devices);

}  // namespace samepage::vmm
