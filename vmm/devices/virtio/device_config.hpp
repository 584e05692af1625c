// SPDX-License-Identifier: Apache-2.0
// Which virtio devices a guest has, and what is behind each. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.hpp"

namespace samepage::vmm {

enum class DiskAccess : std::uint8_t {
  read_only,
  overlay,     // the guest may write; the file stays as it is, the changes go with the guest
  read_write,  // the guest's writes go to the file
};

/// A file of the host's that a guest was saved with. One that goes on from there needs the same content.
struct FileAsItWas {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970; 0 where the host can't say (a block device)

  bool operator==(const FileAsItWas&) const = default;
};

struct DiskConfig {
  std::string path;
  DiskAccess access = DiskAccess::overlay;
  std::optional<FileAsItWas> expected = {};  // else any file will do
};

enum class PmemAccess : std::uint8_t {
  read_only,  // what the guest writes is dropped, and its next flush fails
  copied,     // "private": the guest's writes are its own, and go with it
  shared,     // written to the file, and seen at once by all who share it
};

struct PmemConfig {
  std::string path;
  PmemAccess access = PmemAccess::copied;
  std::optional<Gpa> address;                // else behind RAM; a multiple of pmem_alignment
  std::optional<FileAsItWas> expected = {};  // else any file will do
};

/// What Linux needs of memory that it is given at run time.
inline constexpr std::uint64_t pmem_alignment = std::uint64_t{2} << 20U;

using MacAddress = std::array<std::uint8_t, 6>;

struct NetConfig {
  std::string tap;                // empty: nothing is plugged in
  std::optional<MacAddress> mac;  // else a random one
};

struct DeviceConfig {
  std::vector<DiskConfig> disks;
  std::vector<PmemConfig> pmems;
  std::vector<NetConfig> nets;
  bool rng = false;
  bool balloon = false;
  bool console = false;
};

}  // namespace samepage::vmm
