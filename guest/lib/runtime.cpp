// SPDX-License-Identifier: Apache-2.0
// The C++ functions that start.S and services.S call.
#include "guest/lib/runtime.hpp"

#include <array>
#include <string_view>

#include "guest/abi.hpp"
#include "guest/lib/console.hpp"
#include "guest/lib/cpu.hpp"
#include "guest/lib/memory.hpp"
#include "guest/lib/port.hpp"
#include "guest/lib/ring0.hpp"

namespace samepage::guest {
namespace {

constexpr std::array<std::string_view, 32> exception_names{
    "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",  //
    "#DF", "9",   "#TS", "#NP", "#SS", "#GP", "#PF", "15",   //
    "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "22",  "23",   //
    "24",  "25",  "26",  "27",  "#HV", "#VC", "#SX", "31"};

}  // namespace

void exit(std::uint8_t code) {
  port_write(abi::debug_exit_port, code);
  halt_forever();
}

void refuse(std::string_view reason) {
  print("guest: ", reason, "\n");
  exit(code_usage);
}

extern "C" [[noreturn]] void start_program(const abi::PvhStartInfo* start_info) {
  if (start_info->magic != abi::pvh_magic) {
    print("guest: not started by the PVH protocol\n");
    exit(code_failed);
  }
  set_boot_information(*start_info);
  if (const std::uint32_t cpus = cpu_count(); cpus > max_cpus) {
    print("guest: ", cpus, " CPUs are more than the ", max_cpus, " that this guest can use\n");
    exit(code_usage);
  }
  // SAFETY: the loader put a zero-terminated string there, in RAM that nothing here writes.
  const auto* command_line = reinterpret_cast<const char*>(start_info->command_line);
  exit(run(Arguments{command_line == nullptr ? "" : command_line}));
}

extern "C" [[noreturn]] void guest_fault(std::uint64_t vector, std::uint64_t error, std::uint64_t rip,
                                         std::uint64_t address) {
  print("guest fault: ", exception_names[vector % exception_names.size()], " at rip ", Hex{rip}, " address ",
        Hex{address}, " error ", Hex{error}, " cpu ", cpu_index(), "\n");
  exit(code_fault);
}

}  // namespace samepage::guest
