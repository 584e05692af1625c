// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/virtio_console.hpp"

#include <algorithm>

namespace samepage::vmm {
namespace {

constexpr unsigned receive_queue = 0;
constexpr unsigned transmit_queue = 1;

}  // namespace

VirtioConsole::VirtioConsole(std::function<void(std::string_view)> output, std::function<void()> wake)
    : output_(std::move(output)), wake_(std::move(wake)) {}

void VirtioConsole::serve(VirtioState& state) {
  send(state);
  receive(state);
}

void VirtioConsole::send(VirtioState& state) const {
  Chain chain;
  std::array<char, 4096> text{};
  while (state.take(transmit_queue, chain)) {
    for (std::uint64_t done = 0; done < chain.readable_bytes;) {
      const auto part =
          std::span(text).first(std::min<std::uint64_t>(text.size(), chain.readable_bytes - done));
      if (!state.copy_from(chain, done, std::as_writable_bytes(part))) return;
      output_({part.data(), part.size()});
      done += part.size();
    }
    state.finish(chain, 0);
  }
}

void VirtioConsole::receive(VirtioState& state) {
  for (Chain chain;;) {
    std::array<char, 256> text{};
    std::size_t size = 0;
    {
      const std::lock_guard lock(mutex_);
      if (typed_.empty()) return;
    }
    if (!state.take(receive_queue, chain)) return;
    {
      const std::lock_guard lock(mutex_);
      size = std::min({text.size(), typed_.size(), static_cast<std::size_t>(chain.writable_bytes)});
      for (char& c : std::span(text).first(size)) c = static_cast<char>(typed_.take());
    }
    if (size == 0) return state.fail();  // room for nothing would be offered for ever
    if (!state.copy_to(chain, 0, std::as_bytes(std::span(text).first(size)))) return;
    state.finish(chain, size);
  }
}

std::size_t VirtioConsole::type(std::span<const std::byte> input) {
  std::size_t taken = 0;
  {
    const std::lock_guard lock(mutex_);
    taken = typed_.add(input);
  }
  wake_();
  return taken;
}

}  // namespace samepage::vmm
