// SPDX-License-Identifier: Apache-2.0
// The system calls of a program without a C library.
#pragma once

#include <sys/syscall.h>

#include <type_traits>

namespace samepage::vmm::kernel {

template <typename Value>
long register_of([[maybe_unused]] Value value) {
  if constexpr (std::is_null_pointer_v<Value>) {
    return 0;
  } else if constexpr (std::is_pointer_v<Value>) {
    return __builtin_bit_cast(long, value);
  } else {
    return static_cast<long>(value);
  }
}

/// What the kernel returns: an error is its negative number.
inline long make_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  register long sixth asm("r9") = f;
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
}

template <typename... Values>
long call(long number, Values... values) {
  return make_call(number, register_of(values)...);
}

/// A descriptor that is closed with it; below zero: none, and it is why.
class Fd {
 public:
  explicit Fd(long number = -1) : number_(static_cast<int>(number)) {}
  Fd(Fd&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Fd& operator=(Fd&& other) noexcept {
    const int mine = number_;
    number_ = other.number_;
    other.number_ = mine;
    return *this;
  }
  ~Fd() {
    if (number_ >= 0) call(SYS_close, number_);
  }
  explicit operator bool() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

}  // namespace samepage::vmm::kernel
