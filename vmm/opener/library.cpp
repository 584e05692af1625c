// SPDX-License-Identifier: Apache-2.0
// Functions that a compiler calls by itself, for a program without a C library.
#include <cstddef>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
  auto* const target = static_cast<unsigned char*>(to);
  const auto* const source = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i) target[i] = source[i];
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  auto* const target = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < size; ++i) target[i] = static_cast<unsigned char>(value);
  return to;
}

int memcmp(const void* one, const void* other, std::size_t size) {
  const auto* const a = static_cast<const unsigned char*>(one);
  const auto* const b = static_cast<const unsigned char*>(other);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

std::size_t strlen(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

void* memchr(const void* bytes, int value, std::size_t size) {
  auto* const all = static_cast<unsigned char*>(const_cast<void*>(bytes));
  for (std::size_t i = 0; i < size; ++i) {
    if (all[i] == static_cast<unsigned char>(value)) return all + i;
  }
  return nullptr;
}
}
