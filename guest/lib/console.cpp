// SPDX-License-Identifier: Apache-2.0
// The 16550 UART at COM1, SNLA "PC16550D". Output only, polled. Its FIFO is 16 bytes deep: one look at the
// status register allows a burst of 16, and on a VMM a burst is one exit.
#include "guest/lib/console.hpp"

#include <algorithm>
#include <atomic>

#include "guest/abi.hpp"
#include "guest/lib/port.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint16_t fifo_control = abi::com1_port + 2;
constexpr std::uint16_t line_status = abi::com1_port + 5;
constexpr std::uint8_t fifo_on = 0x01;
constexpr std::uint8_t transmitter_empty = 0x20;
constexpr std::size_t fifo_depth = 16;
constexpr unsigned patience = 10'000;  // polls; a UART that is never ready must not hang the guest

std::atomic<bool> busy;
bool fifo_enabled;  // guarded by busy

// A CPU that faults while it prints would wait for itself, so the wait has an end.
void lock_console() {
  for (unsigned tries = 0; tries < 1'000'000 && busy.exchange(true, std::memory_order_acquire); ++tries) {
    asm volatile("pause");
  }
}

void wait_for_transmitter() {
  for (unsigned polls = 0; polls < patience; ++polls) {
    if ((port_read(line_status) & transmitter_empty) != 0) return;
  }
}

}  // namespace

void Line::put(std::string_view text) {
  for (const char byte : text) {
    if (size_ < bytes_.size()) bytes_[size_++] = byte;
  }
}

void Line::put(Hex number) {
  put("0x");
  unsigned shift = 60;
  while (shift > 0 && (number.value >> shift) == 0) shift -= 4;
  for (;; shift -= 4) {
    put({&"0123456789abcdef"[number.value >> shift & 0xf], 1});
    if (shift == 0) return;
  }
}

void Line::put_decimal(std::uint64_t number) {
  std::array<char, 20> digits;
  std::size_t first = digits.size();
  do {
    digits[--first] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  put({digits.data() + first, digits.size() - first});
}

void write_console(std::string_view text) {
  lock_console();
  if (!fifo_enabled) port_write(fifo_control, fifo_on);
  fifo_enabled = true;
  while (!text.empty()) {
    const std::size_t burst = std::min(text.size(), fifo_depth);
    wait_for_transmitter();
    port_write(abi::com1_port, text.data(), burst);
    text.remove_prefix(burst);
  }
  busy.store(false, std::memory_order_release);
}

}  // namespace samepage::guest
