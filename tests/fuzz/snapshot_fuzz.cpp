// SPDX-License-Identifier: Apache-2.0
// A snapshot's description, as somebody else may have written it: read whatever it is, and read again as it
// was written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/check.hpp"
#include "vmm/snapshot/snapshot_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samepage;
  if (size < 2) return 0;
  const PageCount ram{std::uint64_t{data[0]} << 4U};
  const bool apart = (data[1] & 1U) != 0;
  try {
    const auto bytes = std::as_bytes(std::span(data + 2, size - 2));
    const vmm::Snapshot snapshot = vmm::snapshot_of(bytes, ram, apart);
    const std::string written = vmm::description_of(snapshot);
    if (!(vmm::snapshot_of(std::as_bytes(std::span(written)), ram, apart) == snapshot)) std::abort();
    std::uint64_t next = 0;
    for (const vmm::SnapshotRun& run : snapshot.runs) {
      if (run.pages.first.value < next || run.pages.end().value > ram.value) std::abort();
      next = run.pages.end().value;
    }
  } catch (const UserError&) {
  }
  return 0;
}
