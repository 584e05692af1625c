// SPDX-License-Identifier: Apache-2.0
// What `samepage run` is told, and the parsers of its own notations. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/machine/machine_config.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::cli {

enum class Format : std::uint8_t { text, json };
enum class Attachment : std::uint8_t { foreground, detached };

struct RunOptions {
  std::string name;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20;
  unsigned cpus = 1;
  vmm::DomainChoice domain;
  unsigned count = 1;
  Attachment attachment = Attachment::foreground;
  std::vector<vmm::RomConfig> roms;
  vmm::DeviceConfig devices;
  std::string console;  // a file; empty: stdout, or nowhere when detached
  vmm::EscapeKey escape;
  vmm::ConsolePort input_port = vmm::ConsolePort::com1;
  std::string image;
  std::string initrd;
  vmm::EntryChoice entry = vmm::EntryChoice::automatic;
  std::vector<std::string> arguments;
  Format format = Format::text;
  vmm::Afterwards afterwards = vmm::Afterwards::forgotten;
  vmm::ConsoleContent console_content = vmm::ConsoleContent::kept;
  unsigned first_number = 1;  // of the guests' names where `name` is empty
  bool joins_later = false;   // the daemon is known to hang
  int ready_fd = -1;          // for children of ours: where to say that the guest runs, or why it does not
};

/// "FILE@ADDRESS", the address page-aligned and as parse_address() takes it; empty when it is not that.
std::optional<vmm::RomConfig> parse_rom(std::string_view text);
/// A number in hexadecimal ("0xf0000000") or with the units of parse_size() ("4096", "3G").
std::optional<std::uint64_t> parse_address(std::string_view text);
/// "auto", "linux64" or "compressed"; empty when it is none of them.
std::optional<vmm::EntryChoice> parse_entry(std::string_view text);
std::string_view entry_text(vmm::EntryChoice entry);
/// "none", "zero-only" or a label (same characters as a guest name); empty when it is none of them.
std::optional<vmm::DomainChoice> parse_domain(std::string_view text);

}  // namespace samepage::cli
