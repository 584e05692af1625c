// SPDX-License-Identifier: Apache-2.0
// A driver in ordinary memory: it sets a device up through its registers and builds queues byte by byte,
// right ones and wrong ones. No KVM.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/mapping.hpp"
#include "vmm/devices/virtio/mmio_transport.hpp"

namespace samepage::vmm::test {

class FakeRam final : public GuestRam {
 public:
  explicit FakeRam(std::size_t bytes) : memory_(Mapping::anonymous(bytes)) {}
  [[nodiscard]] std::optional<std::span<std::byte>> at(Gpa address, std::uint64_t size) const override {
    if (address.value > memory_.size() || size > memory_.size() - address.value) return std::nullopt;
    return memory_.bytes().subspan(address.value, size);
  }
  [[nodiscard]] std::span<std::byte> all() const { return memory_.bytes(); }

  template <typename T>
  void put(std::uint64_t address, T value) const {
    std::memcpy(memory_.data() + address, &value, sizeof(T));
  }
  template <typename T>
  [[nodiscard]] T take(std::uint64_t address) const {
    T value;
    std::memcpy(&value, memory_.data() + address, sizeof(T));
    return value;
  }

 private:
  Mapping memory_;
};

inline constexpr std::uint16_t next_flag = 1;
inline constexpr std::uint16_t write_flag = 2;
inline constexpr std::uint16_t indirect_flag = 4;

struct FakeDescriptor {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;
  std::uint16_t next = 0;
};

/// Queue n lies in the 64 KiB from n * 64 KiB on: descriptors, driver area at 0x8000, device area at 0xc000.
/// Data has its place from 1 MiB on.
class FakeDriver {
 public:
  static constexpr std::uint64_t data = std::uint64_t{1} << 20U;
  static constexpr std::uint64_t ram_bytes = std::uint64_t{4} << 20U;

  explicit FakeDriver(VirtioDevice& device)
      : transport_(
            device, ram_, gate_, [this] { ++interrupts_; }, [this] { ++wakes_; }) {}

  // Registers.
  [[nodiscard]] std::uint32_t get(std::uint64_t offset);
  void set(std::uint64_t offset, std::uint32_t value);
  /// What a driver does before it uses the device, up to driver_ok; `unwanted` features are not taken.
  void start(std::uint64_t unwanted = 0, std::uint16_t queue_size = 16);
  void place_queue(unsigned queue, std::uint16_t size);
  [[nodiscard]] std::uint64_t offered();
  [[nodiscard]] bool needs_reset() { return (get(0x70) & VirtioState::needs_reset) != 0; }

  // Queues.
  void put_descriptor(unsigned queue, std::uint16_t number, const FakeDescriptor& descriptor);
  /// Offers the chain that begins at `head`.
  void offer(unsigned queue, std::uint16_t head);
  /// Puts a chain of these buffers at descriptors `first`, ... and offers it.
  void request(unsigned queue, std::vector<FakeDescriptor> buffers, std::uint16_t first = 0);
  [[nodiscard]] std::uint16_t finished(unsigned queue) const;
  /// Bytes written, of the last chain that came back.
  [[nodiscard]] std::uint32_t last_written(unsigned queue) const;
  void set_text(std::uint64_t address, const std::string& text) const;
  [[nodiscard]] std::string text(std::uint64_t address, std::size_t length) const;

  void serve() { transport_.serve(); }

  /// Goes on from where `parent` is, over a copy of its memory: this one's device gets the state of the
  /// parent's, as text that says what is wrong if it can't.
  [[nodiscard]] std::string go_on_from(FakeDriver& parent);
  /// The same where the parent's device is gone.
  [[nodiscard]] std::string go_on_from(const FakeDriver& parent, const TransportState& registers,
                                       const DeviceState& state);

  FakeRam ram_{ram_bytes};
  DeviceGate gate_;
  int interrupts_ = 0;
  int wakes_ = 0;
  MmioTransport transport_;

 private:
  static constexpr std::uint64_t queue_bytes = 0x1'0000;
  static constexpr std::uint64_t driver_at = 0x8000;
  static constexpr std::uint64_t device_at = 0xc000;
  std::array<std::uint16_t, 8> sizes_{};
  std::array<std::uint16_t, 8> offered_{};
};

/// A device that gives every chain back with its readable bytes, reversed.
class Mirror final : public VirtioDevice {
 public:
  [[nodiscard]] std::uint32_t id() const override { return 42; }
  [[nodiscard]] std::span<const std::uint16_t> queue_sizes() const override { return sizes; }
  void read_config(std::uint64_t offset, std::span<std::byte> data) const override {
    read_from(config, offset, data);
  }
  void write_config(std::uint64_t offset, std::span<const std::byte> data) override {
    written_offset = offset;
    written_bytes = data.size();
  }
  void serve(VirtioState& state) override;

  static constexpr std::array<std::uint16_t, 2> sizes{256, 16};
  std::array<std::uint8_t, 6> config{1, 2, 3, 4, 5, 6};
  std::uint64_t written_offset = 0;
  std::size_t written_bytes = 0;
  std::vector<Chain> seen;
  std::function<void()> before_answer;
};

}  // namespace samepage::vmm::test
