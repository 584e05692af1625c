// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/common_options.hpp"

#include "base/units.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {

void add_json(const Command& command, Format& format, const std::string& help) {
  command.flag("--json", help, [&format] { format = Format::json; });
}

void add_guest(const Command& command, std::string& guest, Needed needed) {
  command.text({"GUEST", "", "The name of a running guest"}, guest, check_guest_name, needed);
}

void add_guests(const Command& command, std::vector<std::string>& guests) {
  command.texts({"GUEST", "", "Names of running guests"}, guests, check_guest_name, Needed::yes);
}

void add_size(const Command& command, const std::string& name, std::uint64_t& bytes, const std::string& help,
              Needed needed) {
  command.parsed({name, "SIZE", help}, bytes, parse_size,
                 "a size: use a number with K, M, G or T, such as 64M or 3.5G", needed);
}

void add_console_port(const Command& command, vmm::ConsolePort& port, const std::string& help) {
  command.parsed({"--port", "com1|hvc0", help}, port, vmm::parse_console_port, "com1 or hvc0");
}

void add_escape_key(const Command& command, vmm::EscapeKey& key, const std::string& help) {
  command.parsed({"--escape", "^X|CHARACTER|none", help}, key, vmm::EscapeKey::parse,
                 "^X, one character or none");
}

std::string check_file(const std::string& path) {
  return path.empty() ? "a file has a name; '' is not one" : "";
}

std::string check_guest_name(const std::string& name) {
  return vmm::is_guest_name(name) ? "" : vmm::not_a_guest_name(name);
}

}  // namespace samepage::cli
