// SPDX-License-Identifier: Apache-2.0
// Finds out whether a file of the host's is the one that a guest was saved with. Its content is not read: the
// length and the time of the last change tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vmm/devices/virtio/device_config.hpp"

namespace samepage::vmm {

/// `bytes`: of a block device, where fstat(2) does not know it. Throws std::system_error.
[[nodiscard]] FileAsItWas file_as_it_is(int fd, std::optional<std::uint64_t> bytes);

/// What is wrong with the file, for a sentence that begins "cannot use ...:". Empty: nothing. Pure.
[[nodiscard]] std::optional<std::string> why_not_as_it_was(const std::optional<FileAsItWas>& was,
                                                           const FileAsItWas& is);

/// The end of that sentence where the file that a saved guest had can't be used.
[[nodiscard]] std::string way_out(const std::optional<FileAsItWas>& was);

}  // namespace samepage::vmm
