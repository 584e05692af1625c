// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/pmem.hpp"

#include <algorithm>

namespace samepage::vmm {
namespace {

constexpr std::uint32_t type_flush = 0;
constexpr std::uint32_t result_ok = 0;
constexpr std::uint32_t result_error = 1;

}  // namespace

Pmem::Pmem(const PmemFile& file, Gpa address) : file_(file), config_{address.value, file.bytes().size()} {}

void Pmem::read_config(std::uint64_t offset, std::span<std::byte> data) const {
  read_from(config_, offset, data);
}

bool Pmem::flush() {
  const bool lost = dropped_.take();
  return file_.flush() && !lost;
}

void Pmem::serve(VirtioState& state) {
  Chain chain;
  while (state.take(0, chain)) {
    std::uint32_t type = 0;
    if (chain.readable_bytes < sizeof(type) || chain.writable_bytes < sizeof(result_ok)) return state.fail();
    if (!state.copy_from(chain, 0, std::as_writable_bytes(std::span(&type, 1)))) return;
    const std::uint32_t result = type == type_flush && flush() ? result_ok : result_error;
    if (!state.copy_to(chain, 0, std::as_bytes(std::span(&result, 1)))) return;
    state.finish(chain, sizeof(result));
  }
}

// KVM reads the memory itself; only what it can't read comes here.
void Pmem::DroppedWrites::read(std::uint64_t /*offset*/, std::span<std::byte> data) {
  std::fill(data.begin(), data.end(), std::byte{0});
}

}  // namespace samepage::vmm
