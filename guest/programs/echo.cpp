// SPDX-License-Identifier: Apache-2.0
// Repeats what comes in at COM1, byte by byte, after a prompt without a line end. Enter, which a terminal in
// raw mode sends as CR, begins a new line. For tests of consoles. Ctrl-D ends it.
//   exit=N     exit code at Ctrl-D, 0 if absent
#include "guest/abi.hpp"
#include "guest/lib/console.hpp"
#include "guest/lib/port.hpp"
#include "guest/lib/runtime.hpp"
#include "guest/lib/time.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint16_t line_status = abi::com1_port + 5;
constexpr std::uint8_t data_ready = 0x01;
constexpr char end_of_transmission = 0x04;
constexpr char carriage_return = '\r';

// A CPU that polls without a pause would keep the host busy.
char next_byte() {
  while ((port_read(line_status) & data_ready) == 0) sleep_for(milliseconds(1));
  return static_cast<char>(port_read(abi::com1_port));
}

}  // namespace

const std::string_view known_keys = "exit";

std::uint8_t run(const Arguments& arguments) {
  print("echo> ");
  for (char byte = next_byte(); byte != end_of_transmission; byte = next_byte()) {
    if (byte == carriage_return) byte = '\n';
    write_console({&byte, 1});
  }
  print("\nbye\n");
  return static_cast<std::uint8_t>(arguments.number("exit", 0));
}

}  // namespace samepage::guest
