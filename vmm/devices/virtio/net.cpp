// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/virtio/net.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace samepage::vmm {
namespace {

constexpr unsigned receive_queue = 0;
constexpr unsigned transmit_queue = 1;
constexpr std::size_t header_bytes = sizeof(NetHeader);
// Features (virtio 1.2, 5.1.3).
constexpr unsigned checksum = 0;
constexpr unsigned mac_given = 5;
constexpr unsigned cuts_tcp4 = 11;
constexpr unsigned cuts_tcp6 = 12;
// The longest packet that TCP segmentation makes, an Ethernet header with a VLAN tag, and ours.
constexpr std::size_t longest_packet = 65'536 + 18 + header_bytes;

}  // namespace

Net::Net(Tap tap, const MacAddress& mac)
    : tap_(std::move(tap)), mac_(mac), outgoing_(longest_packet), incoming_(longest_packet) {}

std::uint64_t Net::features() const {
  return feature_bit(checksum) | feature_bit(mac_given) | feature_bit(cuts_tcp4) | feature_bit(cuts_tcp6);
}

void Net::read_config(std::uint64_t offset, std::span<std::byte> data) const {
  read_from(mac_, offset, data);
}

NetFigures Net::figures() const {
  return {mac_, received_.figures(), sent_.figures()};
}

void Net::serve(VirtioState& state) {
  send(state);
  receive(state);
}

void Net::send(VirtioState& state) {
  Chain chain;
  while (state.take(transmit_queue, chain)) {
    const std::uint64_t bytes = chain.readable_bytes;
    if (bytes >= header_bytes && bytes <= outgoing_.size()) {
      const auto packet = std::span(outgoing_).first(bytes);
      if (!state.copy_from(chain, 0, packet)) return;
      tap_.send(packet);
      sent_.packets.add(1);
      sent_.bytes.add(bytes - header_bytes);
    } else {
      sent_.dropped.add(1);
    }
    state.finish(chain, 0);
  }
}

void Net::receive(VirtioState& state) {
  listening_ = false;  // until the guest is seen to have room
  if (!state.running()) return;
  Chain chain;
  for (;;) {
    const auto bytes = waiting_packet();
    if (!bytes) return;  // the host has removed the interface: like a cable that is pulled
    if (*bytes == 0) break;
    if (!state.take(receive_queue, chain)) return;  // the driver notifies when there is room again
    // A packet that the driver's buffer is too small for is lost.
    const bool fits = *bytes <= chain.writable_bytes;
    if (fits && !state.copy_to(chain, 0, std::span(incoming_).first(*bytes))) return;
    if (fits) {
      received_.packets.add(1);
      received_.bytes.add(*bytes - std::min(*bytes, header_bytes));
    } else {
      received_.dropped.add(1);
    }
    state.finish(chain, fits ? *bytes : 0, [this] {
      const std::lock_guard lock(mutex_);
      incoming_bytes_ = 0;
    });
  }
  listening_ = true;
}

// The size of the packet that waits, after a look for one if none does; empty: there is no interface.
std::optional<std::size_t> Net::waiting_packet() {
  const std::lock_guard lock(mutex_);
  if (incoming_bytes_ != 0) return incoming_bytes_;
  const auto received = tap_.receive(incoming_);
  if (!received) return std::nullopt;
  incoming_bytes_ = *received;
  // One buffer for each packet (virtio 1.2, 5.1.6.4).
  const std::uint16_t buffers = 1;
  std::memcpy(incoming_.data() + offsetof(NetHeader, buffers), &buffers, sizeof(buffers));
  return incoming_bytes_;
}

DeviceState Net::save() {
  const std::lock_guard lock(mutex_);
  NetState state{mac_, std::string(incoming_bytes_, '\0')};
  std::memcpy(state.incoming.data(), incoming_.data(), incoming_bytes_);
  return state;
}

std::optional<std::string_view> Net::restore(const DeviceState& state) {
  const auto* net = std::get_if<NetState>(&state);
  if (net == nullptr) return of_another_kind;
  if (net->incoming.size() > incoming_.size()) return "a packet is longer than there can be";
  const std::lock_guard lock(mutex_);
  mac_ = net->mac;
  incoming_bytes_ = net->incoming.size();
  std::memcpy(incoming_.data(), net->incoming.data(), incoming_bytes_);
  return std::nullopt;
}

}  // namespace samepage::vmm
