// SPDX-License-Identifier: Apache-2.0
// Options and words that several commands have.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "manage/cli/command.hpp"
#include "vmm/control/escape_key.hpp"
#include "vmm/devices/console_port.hpp"

namespace samepage::cli {

enum class Format : std::uint8_t { text, json };

/// --json.
void add_json(const Command& command, Format& format, const std::string& help = "Print JSON instead of text");
/// The name of a running guest, or of several.
void add_guest(const Command& command, std::string& guest, Needed needed = Needed::yes);
void add_guests(const Command& command, std::vector<std::string>& guests);
/// An option or a word that is a size in bytes.
void add_size(const Command& command, const std::string& name, std::uint64_t& bytes, const std::string& help,
              Needed needed = Needed::no);
/// An option that is a time between two samples, 0.1 to 86400 seconds.
void add_interval(const Command& command, const std::string& name, std::chrono::milliseconds& interval,
                  const std::string& help);
/// --port and --escape: which console is typed into, and the key that leads out of it.
void add_console_port(const Command& command, vmm::ConsolePort& port, const std::string& help);
void add_escape_key(const Command& command, vmm::EscapeKey& key, const std::string& help);

/// Command::Check of a file's path, and of a guest's name.
std::string check_file(const std::string& path);
std::string check_guest_name(const std::string& name);

}  // namespace samepage::cli
