// SPDX-License-Identifier: Apache-2.0
// A guest that does what no guest should, so that a VMM can show what it does about it.
//   how=triple-fault         shuts the CPU down
//   how=outside-ram          reads `address`, 0xd0000000 if absent
//   how=unknown-port         writes to port `address`, 0x1234 if absent
//   how=write-rom            writes to `address` and shows what it reads then
//   how=read-rom             shows the 16 bytes at `address` as text
//   how=exec-data            runs code in a page of data; it ends with code 101 if the rights are right
//   how=null                 reads address 0; the same
// If nothing stops it, it says so and ends with code 0.
#include "guest/lib/console.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"

namespace samepage::guest {
namespace {

constexpr std::uint64_t default_outside = 0xd0000000;
constexpr std::uint64_t default_port = 0x1234;
constexpr std::uint64_t marker = 0x6562206f74746f6e;  // "not to be"

// In assembler, because no C++ object has these addresses.
std::uint64_t load(std::uint64_t address) {
  std::uint64_t value = 0;
  asm volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

void store(std::uint64_t address, std::uint64_t value) {
  asm volatile("movq %1, (%0)" ::"r"(address), "r"(value) : "memory");
}

void show_text(std::uint64_t address) {
  std::array<char, 16> text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<char>(load(address + i / 8 * 8) >> i % 8 * 8 & 0xff);
    text[i] = byte >= ' ' && byte <= '~' ? byte : '.';
  }
  print("misbehave: text at ", Hex{address}, ": ", std::string_view{text.data(), text.size()}, "\n");
}

void run_data() {
  static std::uint8_t code = 0xc3;  // ret
  asm volatile("call *%0" ::"r"(&code) : "memory");
}

}  // namespace

const std::string_view known_keys = "how address";

std::uint8_t run(const Arguments& arguments) {
  const std::string_view how = arguments.text("how").value_or("");
  const std::optional<std::uint64_t> address = arguments.number("address");
  if (how == "triple-fault") {
    triple_fault();
  } else if (how == "outside-ram") {
    print("misbehave: read ", Hex{load(address.value_or(default_outside))}, "\n");
  } else if (how == "unknown-port") {
    write_any_port(static_cast<std::uint16_t>(address.value_or(default_port)), 0x5a);
  } else if (how == "write-rom" && address) {
    store(*address, marker);
    print("misbehave: wrote ", Hex{marker}, ", read ", Hex{load(*address)}, "\n");
  } else if (how == "read-rom" && address) {
    show_text(*address);
  } else if (how == "exec-data") {
    run_data();
  } else if (how == "null") {
    print("misbehave: read ", Hex{load(0)}, "\n");
  } else {
    refuse("how= or address= is missing or unknown");
  }
  print("misbehave: still running\n");
  return 0;
}

}  // namespace samepage::guest
