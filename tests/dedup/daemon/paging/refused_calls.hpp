// SPDX-License-Identifier: Apache-2.0
// File systems and kernels that lack something, by a filter of system calls. For death tests: it can't be
// undone.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace samepage::dedup {

/// From now on system call `number` fails with `error` where its argument has all bits of `mask`: in this
/// thread and those that it starts. False where the kernel has no filters.
[[nodiscard]] inline bool refuse(std::uint32_t number, std::uint32_t error, std::uint32_t argument = 0,
                                 std::uint32_t mask = 0) {
  const auto low_word = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * 8);
  std::array<sock_filter, 7> program{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_word),
      sock_filter BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace samepage::dedup
