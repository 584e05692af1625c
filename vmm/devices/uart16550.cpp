// SPDX-License-Identifier: Apache-2.0
#include "vmm/devices/uart16550.hpp"

#include "base/check.hpp"

namespace samepage::vmm {
namespace {

// Register numbers: the read and the write side of one number may be different registers.
enum Register : std::uint8_t {
  data_or_divisor_low = 0,           // RBR, THR; DLL
  interrupt_enable_or_divisor_high,  // IER; DLM
  interrupt_id_or_fifo_control,      // IIR; FCR
  line_control,                      // LCR
  modem_control,                     // MCR
  line_status,                       // LSR, read-only
  modem_status_register,             // MSR, read-only
  scratch,                           // SCR
};

constexpr std::uint8_t no_interrupt_pending = 0x01;
constexpr std::uint8_t transmitter_interrupt = 0x02;
constexpr std::uint8_t receiver_interrupt = 0x04;
constexpr std::uint8_t enable_receiver = 0x01;     // IER
constexpr std::uint8_t enable_transmitter = 0x02;  // IER
constexpr std::uint8_t clear_receiver = 0x02;      // FCR
constexpr std::uint8_t data_ready = 0x01;          // LSR
constexpr std::uint8_t fifos_on = 0xc0;
constexpr std::uint8_t fifo_enable = 0x01;
constexpr std::uint8_t divisor_latch_access = 0x80;
constexpr std::uint8_t loopback = 0x10;
constexpr std::uint8_t transmitter_empty = 0x60;    // THRE, TEMT
constexpr std::uint8_t writable_interrupts = 0x0f;  // IER
constexpr std::uint8_t writable_modem = 0x1f;       // MCR
constexpr std::uint8_t line_is_up = 0xb0;           // DCD, DSR, CTS

}  // namespace

void Uart16550::write(std::uint16_t offset, std::span<const std::byte> data) {
  const std::lock_guard lock(mutex_);
  unsigned number = offset;
  for (const std::byte byte : data) write_register(number++, std::to_integer<std::uint8_t>(byte));
  update_line();
}

void Uart16550::read(std::uint16_t offset, std::span<std::byte> data) {
  const std::lock_guard lock(mutex_);
  unsigned number = offset;
  for (std::byte& byte : data) byte = std::byte{read_register(number++)};
  update_line();
}

std::size_t Uart16550::receive(std::span<const std::byte> input) {
  const std::lock_guard lock(mutex_);
  const std::size_t taken = received_.add(input);
  update_line();
  return taken;
}

bool Uart16550::divisor_latched() const {
  return (line_control_ & divisor_latch_access) != 0;
}

void Uart16550::write_register(unsigned number, std::uint8_t value) {
  if (number <= 1 && divisor_latched()) {
    divisor_[number] = value;
    return;
  }
  switch (number) {
    case data_or_divisor_low:
      send(value);
      return;
    case interrupt_enable_or_divisor_high:
      // Enabling it while the transmitter is empty raises it, section 8.6.
      if ((value & ~interrupt_enable_ & enable_transmitter) != 0) transmitter_ran_empty_ = true;
      interrupt_enable_ = value & writable_interrupts;
      return;
    case interrupt_id_or_fifo_control:
      if ((value & clear_receiver) != 0) received_.clear();
      fifo_control_ = value;
      return;
    case line_control:
      line_control_ = value;
      return;
    case modem_control:
      modem_control_ = value & writable_modem;
      return;
    case scratch:
      scratch_ = value;
      return;
    default:  // the status registers can't be written
      return;
  }
}

// In loopback what is sent is received, and nothing gets out.
void Uart16550::send(std::uint8_t value) {
  transmitter_ran_empty_ = true;
  if ((modem_control_ & loopback) == 0) {
    console_.put(static_cast<char>(value));
  } else if (received_.size() < receive_limit) {
    received_.add(std::array{std::byte{value}});
  }
}

std::uint8_t Uart16550::take_received() {
  return received_.empty() ? std::uint8_t{0} : received_.take();
}

std::uint8_t Uart16550::read_register(unsigned number) {
  if (number <= 1 && divisor_latched()) return divisor_[number];
  switch (number) {
    case data_or_divisor_low:
      return take_received();
    case interrupt_enable_or_divisor_high:
      return interrupt_enable_;
    case interrupt_id_or_fifo_control: {
      const std::uint8_t cause = pending();
      if (cause == transmitter_interrupt) transmitter_ran_empty_ = false;  // being told is enough
      return static_cast<std::uint8_t>(cause | ((fifo_control_ & fifo_enable) != 0 ? fifos_on : 0U));
    }
    case line_control:
      return line_control_;
    case modem_control:
      return modem_control_;
    case line_status:
      return received_.empty() ? transmitter_empty : transmitter_empty | data_ready;
    case modem_status_register:
      return modem_status();
    case scratch:
      return scratch_;
    default:
      return 0;
  }
}

std::uint8_t Uart16550::pending() const {
  if ((interrupt_enable_ & enable_receiver) != 0 && !received_.empty()) return receiver_interrupt;
  if ((interrupt_enable_ & enable_transmitter) != 0 && transmitter_ran_empty_) return transmitter_interrupt;
  return no_interrupt_pending;
}

void Uart16550::update_line() {
  const bool up = pending() != no_interrupt_pending;
  if (up == line_up_) return;
  line_up_ = up;
  if (line_) line_(up);
}

UartState Uart16550::save() {
  const std::lock_guard lock(mutex_);
  return {.received = received_.save(),
          .transmitter_ran_empty = transmitter_ran_empty_,
          .line_up = line_up_,
          .divisor = divisor_,
          .interrupt_enable = interrupt_enable_,
          .fifo_control = fifo_control_,
          .line_control = line_control_,
          .modem_control = modem_control_,
          .scratch = scratch_};
}

void Uart16550::restore(const UartState& state) {
  const std::lock_guard lock(mutex_);
  if (!received_.restore(state.received)) {
    throw UserError("cannot restore the serial port: the state has more input than fits");
  }
  transmitter_ran_empty_ = state.transmitter_ran_empty;
  line_up_ = state.line_up;
  divisor_ = state.divisor;
  interrupt_enable_ = state.interrupt_enable & writable_interrupts;
  fifo_control_ = state.fifo_control;
  line_control_ = state.line_control;
  modem_control_ = state.modem_control & writable_modem;
  scratch_ = state.scratch;
  if (line_) line_(line_up_);
}

// In loopback the modem lines show the control register: DTR as DSR, RTS as CTS, OUT1 as RI, OUT2 as DCD.
std::uint8_t Uart16550::modem_status() const {
  if ((modem_control_ & loopback) == 0) return line_is_up;
  const unsigned control = modem_control_;
  return static_cast<std::uint8_t>((control & 1U) << 5U | (control & 2U) << 3U | (control & 0xcU) << 4U);
}

}  // namespace samepage::vmm
