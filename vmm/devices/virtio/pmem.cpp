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

void Pmem::serve(VirtioState& state) {
  Chain chain;
  while (state.take(0, chain)) {
    std::uint32_t type = 0;
    if (chain.readable_bytes < sizeof(type) || chain.writable_bytes < sizeof(result_ok)) return state.fail();
    if (!state.copy_from(chain, 0, std::as_writable_bytes(std::span(&type, 1)))) return;
    // A guest that goes on from a state saved before the answer has to be told as well.
    const std::uint64_t dropped = dropped_.count();
    const bool lost = dropped != told_ || lost_before_;
    const std::uint32_t result = type == type_flush && file_.flush() && !lost ? result_ok : result_error;
    if (!state.copy_to(chain, 0, std::as_bytes(std::span(&result, 1)))) return;
    state.finish(chain, sizeof(result), [&] {
      if (type != type_flush) return;
      told_ = dropped;
      lost_before_ = false;
    });
  }
}

DeviceState Pmem::save() {
  return PmemState{config_[0], config_[1], dropped_.count() != told_ || lost_before_};
}

std::optional<std::string_view> Pmem::restore(const DeviceState& state) {
  const auto* pmem = std::get_if<PmemState>(&state);
  if (pmem == nullptr) return of_another_kind;
  if (pmem->address != config_[0]) return "it is at another address here";
  if (pmem->bytes != config_[1]) return "its file has another size now";
  lost_before_ = pmem->lost_writes;
  return std::nullopt;
}

// KVM reads the memory itself; only what it can't read comes here.
void Pmem::DroppedWrites::read(std::uint64_t /*offset*/, std::span<std::byte> data) {
  std::fill(data.begin(), data.end(), std::byte{0});
}

}  // namespace samepage::vmm
