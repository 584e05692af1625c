// SPDX-License-Identifier: Apache-2.0
// The smallest guest: it prints a greeting and ends. For tests of booting and for boot times.
//   wait=1     idle for ever after the greeting
//   exit=N     exit code, 0 if absent
//   start=1    start all CPUs and count those that came up
#include "guest/lib/console.hpp"
#include "guest/lib/cpu.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/ring0.hpp"
#include "guest/lib/runtime.hpp"

namespace samepage::guest {

const std::string_view known_keys = "wait exit start";

std::uint8_t run(const Arguments& arguments) {
  constexpr std::uint64_t mebibyte = 1 << 20;
  const std::uint32_t cpus = cpu_count();
  print("hello from samepage: ", cpus, cpus == 1 ? " CPU, " : " CPUs, ",
        (ram_bytes() + mebibyte / 2) / mebibyte, " MiB of RAM\n");
  if (arguments.number("start", 0) != 0) {
    const std::uint32_t started = start_cpus([] {});
    print("hello: ", started, started == 1 ? " CPU runs\n" : " CPUs run\n");
  }
  if (arguments.number("wait", 0) != 0) halt_forever();
  return static_cast<std::uint8_t>(arguments.number("exit", 0));
}

}  // namespace samepage::guest
