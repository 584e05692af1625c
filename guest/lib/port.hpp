// SPDX-License-Identifier: Apache-2.0
// Access to the ports that the I/O bitmap of tables.S grants. One can cost 60 us, so the string form exists
// to batch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samepage::guest {

inline std::uint8_t port_read(std::uint16_t port) {
  std::uint8_t value = 0;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

inline void port_write(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

inline void port_write(std::uint16_t port, const char* bytes, std::size_t count) {
  asm volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

}  // namespace samepage::guest
