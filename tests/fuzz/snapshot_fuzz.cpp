// SPDX-License-Identifier: Apache-2.0
// A snapshot's description, as somebody else may have written it: read whatever it is, and read again as it
// was written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/check.hpp"
#include "vmm/snapshot/memory_checksums.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/written_device.hpp"

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
    const vmm::WrittenDevices devices = vmm::written_devices_of(snapshot.devices);
    if (!snapshot.devices.empty() && vmm::bytes_of(devices) != snapshot.devices) std::abort();
    static_cast<void>(vmm::makes_sense(devices.list, {devices.files, 0}));
    if (!(vmm::snapshot_of(std::as_bytes(std::span(written)), ram, apart) == snapshot)) std::abort();
    std::uint64_t next = 0;
    for (const vmm::SnapshotRun& run : snapshot.runs) {
      if (run.pages.first.value < next || run.pages.end().value > ram.value) std::abort();
      if (run.file > snapshot.others.size() || (apart && run.file == 0)) std::abort();
      if (run.window != 0 && (run.file == 0 || run.window >= vmm::most_windows)) std::abort();
      next = run.pages.end().value;
    }
    if (snapshot.others.size() > vmm::most_other_files) std::abort();
    if (snapshot.checksums.size() != vmm::checksum_pieces(snapshot.runs).size()) std::abort();
  } catch (const UserError&) {
  }
  return 0;
}
