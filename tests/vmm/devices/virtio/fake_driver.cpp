// SPDX-License-Identifier: Apache-2.0
#include "tests/vmm/devices/virtio/fake_driver.hpp"

#include <algorithm>

namespace samepage::vmm::test {

std::uint32_t FakeDriver::get(std::uint64_t offset) {
  std::uint32_t value = 0;
  transport_.read(offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void FakeDriver::set(std::uint64_t offset, std::uint32_t value) {
  transport_.write(offset, std::as_bytes(std::span(&value, 1)));
}

std::uint64_t FakeDriver::offered() {
  set(0x14, 0);
  const std::uint64_t low = get(0x10);
  set(0x14, 1);
  return low | std::uint64_t{get(0x10)} << 32U;
}

void FakeDriver::place_queue(unsigned queue, std::uint16_t size) {
  const std::uint64_t base = queue * queue_bytes;
  std::fill_n(ram_.all().begin() + static_cast<std::ptrdiff_t>(base), queue_bytes, std::byte{0});
  set(0x30, queue);
  set(0x38, size);
  set(0x80, static_cast<std::uint32_t>(base));
  set(0x84, 0);
  set(0x90, static_cast<std::uint32_t>(base + driver_at));
  set(0x94, 0);
  set(0xa0, static_cast<std::uint32_t>(base + device_at));
  set(0xa4, 0);
  sizes_.at(queue) = size;
  offered_.at(queue) = 0;
}

void FakeDriver::start(std::uint64_t unwanted, std::uint16_t queue_size) {
  set(0x70, 0);
  set(0x70, VirtioState::acknowledge);
  set(0x70, VirtioState::acknowledge | VirtioState::driver);
  const std::uint64_t features = offered() & ~unwanted;
  for (unsigned half = 0; half < 2; ++half) {
    set(0x24, half);
    set(0x20, static_cast<std::uint32_t>(features >> 32 * half));
  }
  set(0x70, get(0x70) | VirtioState::features_ok);
  ASSERT_NE(get(0x70) & VirtioState::features_ok, 0U);
  for (unsigned queue = 0; queue < transport_.state().queues(); ++queue) {
    place_queue(queue, queue_size);
    set(0x44, 1);
    ASSERT_EQ(get(0x44), 1U);
  }
  set(0x70, get(0x70) | VirtioState::driver_ok);
}

void FakeDriver::put_descriptor(unsigned queue, std::uint16_t number, const FakeDescriptor& descriptor) {
  ram_.put(queue * queue_bytes + 16U * number, descriptor);
}

void FakeDriver::offer(unsigned queue, std::uint16_t head) {
  const std::uint64_t area = queue * queue_bytes + driver_at;
  std::uint16_t& offered = offered_.at(queue);
  ram_.put<std::uint16_t>(area + 4 + 2U * (offered % sizes_.at(queue)), head);
  ram_.put<std::uint16_t>(area + 2, ++offered);
}

void FakeDriver::request(unsigned queue, std::vector<FakeDescriptor> buffers, std::uint16_t first) {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const auto number = static_cast<std::uint16_t>(first + i);
    if (i + 1 < buffers.size()) {
      buffers[i].flags |= next_flag;
      buffers[i].next = static_cast<std::uint16_t>(number + 1);
    }
    put_descriptor(queue, number, buffers[i]);
  }
  offer(queue, first);
}

std::uint16_t FakeDriver::finished(unsigned queue) const {
  return ram_.take<std::uint16_t>(queue * queue_bytes + device_at + 2);
}

std::uint32_t FakeDriver::last_written(unsigned queue) const {
  const auto last = static_cast<std::uint16_t>(finished(queue) - 1);
  return ram_.take<std::uint32_t>(queue * queue_bytes + device_at + 4 + 8U * (last % sizes_.at(queue)) + 4);
}

void FakeDriver::set_text(std::uint64_t address, const std::string& text) const {
  std::memcpy(ram_.all().data() + address, text.data(), text.size());
}

std::string FakeDriver::text(std::uint64_t address, std::size_t length) const {
  std::string text(length, '\0');
  std::memcpy(text.data(), ram_.all().data() + address, length);
  return text;
}

std::string FakeDriver::go_on_from(FakeDriver& parent) {
  return go_on_from(parent, parent.transport_.save(), parent.transport_.device().save());
}

std::string FakeDriver::go_on_from(const FakeDriver& parent, const TransportState& registers,
                                   const DeviceState& state) {
  const std::span<std::byte> memory = parent.ram_.all();
  std::copy(memory.begin(), memory.end(), ram_.all().begin());
  sizes_ = parent.sizes_;
  offered_ = parent.offered_;
  if (const auto fault = transport_.restore(registers)) return std::string(*fault);
  if (const auto fault = transport_.device().restore(state)) return std::string(*fault);
  EXPECT_EQ(transport_.save(), registers);
  EXPECT_EQ(transport_.device().save(), state);
  return "";
}

void Mirror::serve(VirtioState& state) {
  for (unsigned queue = 0; queue < sizes.size(); ++queue) {
    Chain chain;
    while (state.take(queue, chain)) {
      seen.push_back(chain);
      std::vector<std::byte> bytes(chain.readable_bytes);
      if (!state.copy_from(chain, 0, bytes)) continue;
      if (before_answer) before_answer();
      std::reverse(bytes.begin(), bytes.end());
      bytes.resize(std::min<std::size_t>(bytes.size(), chain.writable_bytes));
      if (!state.copy_to(chain, 0, bytes)) continue;
      state.finish(chain, bytes.size());
    }
  }
}

}  // namespace samepage::vmm::test
