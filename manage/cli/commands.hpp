// SPDX-License-Identifier: Apache-2.0
// The commands, free of how a command line is parsed. Each returns the program's exit status and throws
// UserError or std::system_error for what main reports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manage/cli/run_options.hpp"
#include "vmm/control/escape_key.hpp"
#include "vmm/devices/console_port.hpp"

namespace samepage::cli {

int run(const RunOptions& options);
enum class Listed : std::uint8_t { running, all };
int ps(Listed listed, Format format);
/// `guest` empty: the host and all guests.
int stat(const std::string& guest, Format format);
int pause(const std::vector<std::string>& guests);
int resume(const std::vector<std::string>& guests);
int stop(const std::vector<std::string>& guests);
int kill(const std::vector<std::string>& guests);
/// Asks the guest to give up `bytes` of its memory.
int balloon(const std::string& guest, std::uint64_t bytes);
int map(const std::string& guest, Format format);
/// Of a guest that has ended: what it printed last, and how it ended.
int logs(const std::string& guest, Format format);
/// `file` of "-" is standard output.
int dump(const std::string& guest, const std::string& file);
/// Unpacks a bzImage's kernel into the ELF file `output` (empty: named after it, in the current folder; "-":
/// standard output), prints that.
int import_image(const std::string& kernel, const std::string& output);
struct TuneOptions {
  std::vector<std::string> settings;  // KNOB=VALUE; without any the knobs are only shown
  bool reset = false;                 // to the defaults first
};
int tune(const TuneOptions& options, Format format);

struct ConsoleOptions {
  std::string guest;
  vmm::ConsolePort port = vmm::ConsolePort::com1;  // what is typed goes there
  vmm::EscapeKey escape;
};
/// Attaches standard input and output to the guest's console until the escape key or the guest's end.
int console(const ConsoleOptions& options);

struct DemoOptions {
  unsigned guests = 8;
  std::uint64_t memory_bytes = std::uint64_t{32} << 20;  // of each guest
  Format format = Format::text;
};
int demo(const DemoOptions& options);

}  // namespace samepage::cli
