// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/rng.hpp"

#include <sys/random.h>

#include <algorithm>

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

// What one request gets at most; drivers ask again. getrandom() gives up to 256 bytes without interruption.
constexpr std::size_t portion = 256;

}  // namespace

void Rng::serve(VirtioState& state) {
  Chain chain;
  while (state.take(0, chain)) {
    std::array<std::byte, portion> bytes{};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(portion, chain.writable_bytes));
    if (size == 0) return state.fail();  // a request for nothing would be asked again for ever
    check(::getrandom(bytes.data(), size, 0), "getrandom");
    if (!state.copy_to(chain, 0, std::span(bytes).first(size))) return;
    state.finish(chain, size);
  }
}

}  // namespace samepage::vmm
