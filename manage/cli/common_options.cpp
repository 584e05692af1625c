// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/common_options.hpp"

#include <optional>

#include "base/units.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

constexpr std::chrono::milliseconds shortest_interval{100};
constexpr std::chrono::hours longest_interval{24};

}  // namespace

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

void add_interval(const Command& command, const std::string& name, std::chrono::milliseconds& interval,
                  const std::string& help) {
  const auto parse = [](const std::string& text) -> std::optional<std::chrono::milliseconds> {
    const std::optional<std::chrono::milliseconds> time = parse_seconds(text);
    if (!time || *time < shortest_interval || *time > longest_interval) return std::nullopt;
    return time;
  };
  command.parsed({name, "SECONDS", help}, interval, parse, "a number of seconds from 0.1 to 86400");
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
