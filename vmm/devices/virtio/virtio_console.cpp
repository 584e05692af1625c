// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/virtio_console.hpp"

#include <algorithm>

namespace samepage::vmm {
namespace {

constexpr unsigned input_queue = 0;
constexpr unsigned output_queue = 1;

}  // namespace

VirtioConsole::VirtioConsole(std::function<void(std::string_view)> output, std::function<void()> wake)
    : output_(std::move(output)), wake_(std::move(wake)) {}

void VirtioConsole::serve(VirtioState& state) {
  send(state);
  receive(state);
}

void VirtioConsole::send(VirtioState& state) {
  Chain chain;
  while (state.take(output_queue, chain)) {
    print(state, chain);
    state.finish(chain, 0, [this] { set_sent(0); });
    set_sent(0);  // of a chain that is void, too
  }
}

// Begins behind what was printed of the chain before its state was saved. The reader may be slow, so what is
// handed to it counts as printed before it is: whoever saves meanwhile does not print it again.
void VirtioConsole::print(VirtioState& state, const Chain& chain) {
  std::array<char, 4096> text{};
  std::uint64_t done = 0;
  {
    const std::lock_guard lock(mutex_);
    done = sent_;
  }
  while (done < chain.readable_bytes) {
    const auto part =
        std::span(text).first(std::min<std::uint64_t>(text.size(), chain.readable_bytes - done));
    if (!state.copy_from(chain, done, std::as_writable_bytes(part))) return;
    done += part.size();
    set_sent(done);
    output_({part.data(), part.size()});
  }
}

void VirtioConsole::set_sent(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  sent_ = bytes;
}

void VirtioConsole::receive(VirtioState& state) {
  for (Chain chain;;) {
    std::array<char, 256> text{};
    std::size_t size = 0;
    {
      const std::lock_guard lock(mutex_);
      if (typed_.empty()) return;
    }
    if (!state.take(input_queue, chain)) return;
    {
      const std::lock_guard lock(mutex_);
      size = std::min({text.size(), typed_.size(), static_cast<std::size_t>(chain.writable_bytes)});
      typed_.peek(std::span(text).first(size));
    }
    if (size == 0) return state.fail();  // room for nothing would be offered for ever
    if (!state.copy_to(chain, 0, std::as_bytes(std::span(text).first(size)))) return;
    state.finish(chain, size, [this, size] {
      const std::lock_guard lock(mutex_);
      typed_.drop(size);
    });
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

DeviceState VirtioConsole::save() {
  const std::lock_guard lock(mutex_);
  return VirtioConsoleState{typed_.save(), sent_};
}

std::optional<std::string_view> VirtioConsole::restore(const DeviceState& state) {
  const auto* console = std::get_if<VirtioConsoleState>(&state);
  if (console == nullptr) return of_another_kind;
  const std::lock_guard lock(mutex_);
  if (!typed_.restore(console->typed)) return "the state has more input than fits";
  sent_ = console->sent;
  return std::nullopt;
}

}  // namespace samepage::vmm
