// SPDX-License-Identifier: Apache-2.0
// A host file as persistent memory: mapped, so that the host's page cache is the guest's memory and all
// guests with the file have one copy of what they only read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/mapping.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

namespace samepage::vmm {

enum class PmemAccess : std::uint8_t {
  read_only,  // what the guest writes is dropped, and its next flush fails
  copied,     // "private": the guest's writes are its own, and go with it
  shared,     // written to the file, and seen at once by all who share it
};

struct PmemConfig {
  std::string path;
  PmemAccess access = PmemAccess::copied;
  std::optional<Gpa> address;  // else behind RAM; a multiple of pmem_alignment
};

/// What Linux needs of memory that it is given at run time.
inline constexpr std::uint64_t pmem_alignment = std::uint64_t{2} << 20U;

class PmemFile {
 public:
  /// Throws UserError when the file is missing, empty, can't be used as asked or is locked.
  explicit PmemFile(const PmemConfig& config);

  /// The file, filled up with zeros to a multiple of pmem_alignment.
  [[nodiscard]] std::span<std::byte> bytes() const { return mapping_.bytes(); }
  [[nodiscard]] PmemAccess access() const { return access_; }
  /// Returns when all that guests have written is on the medium. False: it could not be done.
  [[nodiscard]] bool flush() const;

 private:
  PmemAccess access_;
  UniqueFd file_;
  Mapping mapping_;
};

}  // namespace samepage::vmm
