// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/run_options.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/types.hpp"
#include "dedup/domain_label.hpp"
#include "manage/cli/device_options.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

constexpr std::array<std::pair<std::string_view, vmm::EntryChoice>, 3> entries{{
    {"auto", vmm::EntryChoice::automatic},
    {"linux64", vmm::EntryChoice::linux64},
    {"compressed", vmm::EntryChoice::compressed},
}};

// How many guests one command may start.
constexpr unsigned most_guests = 4096;
constexpr unsigned most_cpus = 255;

}  // namespace

// What a guest is, then how it is run, then what a child of ours is told besides.
void add_run_options(const Command& command, RunOptions& run) {
  vmm::GuestProcessConfig& guest = run.guest;
  command.text({"--name", "NAME", "Its name (default: the image's, with the lowest free number)"}, guest.name,
               check_guest_name);
  command.details("--name", "1 to 63 of `A-Z a-z 0-9 . _ -`, not beginning with `.` or `-`.");
  add_size(command, "--mem", guest.machine.memory_bytes, "RAM, such as 16M (default: 64M)");
  command.details("--mem", "It costs nothing until the guest touches it.");
  command.number({"--cpus", "N", "Virtual CPUs (default: 1)"}, guest.machine.cpus, 1, most_cpus);
  command.details("--cpus", "1 to 255. The guests that come with Samepage take at most 32.");
  command.parsed(
      {"--domain", "DOMAIN",
       "Whom it shares with: a label; 'none': nobody; 'zero-only': give back zero pages, share nothing "
       "(default: default)"},
      guest.domain, parse_domain,
      fmt::format("a domain: use 'none', 'zero-only' or a label: {}", dedup::what_labels_are()));
  command.details(
      "--domain",
      "A label is made like a name. With `,uniform` behind it, as in `tenant-a,uniform`, guests do not find "
      "out by time what others of the domain have, and less is saved. See "
      "[Domains and security](#domains-and-security).");
  add_count(command, run.count, "Guests to run");
  command.details(
      "--count",
      "At most 4096. In the foreground each line of output begins with the name. The exit code is the "
      "first that is not 0. When one does not start, none stays.");
  command.flag("--detach", "Return when the guest runs; print its name",
               [&run] { run.attachment = Attachment::detached; });
  command.details("--detach", "Its console is there with `samepage console` and `samepage logs`.");
  command.repeated({"--rom", "FILE@ADDRESS",
                    "A file that the guest sees read-only at a page-aligned address such as 0xf0000000"},
                   guest.machine.roms, parse_rom);
  add_device_options(command, guest.machine.devices);
  command.text({"--initrd", "FILE",
                "A file for the guest's memory: a Linux kernel's initial RAM disk, a Multiboot module"},
               guest.machine.initrd, check_file);
  command.details("--initrd", "It must end below 2 GiB.");
  command.parsed({"--entry", "auto|linux64|compressed",
                  "How a Linux kernel is entered (default: auto: PVH where the kernel has it)"},
                 guest.machine.entry, parse_entry, "auto, linux64 or compressed");
  add_confine(command, guest.confine);
  command.text({"--console", "FILE", "Where the console goes (default: stdout); FILE-1, ... with --count"},
               run.console, check_file);
  command.details("--console", "The file is emptied when the guest starts.");
  add_console_port(command, run.input_port, "Which console standard input goes to (default: com1)");
  add_escape_key(command, run.escape,
                 "The key that ends the guest when standard input is a terminal (default: ^])");
  command.details("--escape", "`^X` is Ctrl-X.");
  add_json(command, run.format, "With --detach: print JSON instead of text");
  command.details("--json", "A list of `{\"name\", \"pid\"}`.");
  command.text({"IMAGE", "", "A file (with a '/'), or the name of an image of the catalogue"}, guest.image,
               check_file, Needed::yes);
  command.number({"--config-fd", "", ""}, run.from_parent.config);
  command.number({"--ready-fd", "", ""}, run.from_parent.ready);
  command.number({"--snapshot-fd", "", ""}, run.from_parent.snapshot);
  command.number({"--memory-fd", "", ""}, run.from_parent.memory);
  command.number({"--memory-files", "", ""}, run.from_parent.memory_files);
  command.number({"--written-fd", "", ""}, run.from_parent.written);
  command.number({"--written-files", "", ""}, run.from_parent.written_files);
}

void add_confine(const Command& command, Confine& confine) {
  command.parsed(
      {"--confine", "on|off",
       "Whether its process gives up rights and system calls that it does not need (default: off)"},
      confine, parse_confine, "on or off");
  command.details("--confine", "See [docs/security.md](security.md).");
  // Declared after --confine, so that it counts wherever both are given.
  command.flag("--jail", "Confine it, in namespaces of its own with an empty root",
               [&confine] { confine = Confine::jailed; });
  command.details(
      "--jail", "Needs user namespaces where it is not root. See [docs/security.md](security.md#the-jail).");
}

void add_count(const Command& command, unsigned& count, const std::string& help) {
  command.number({"--count", "N", help + ": NAME-1, NAME-2, ... (default: 1)"}, count, 1, most_guests);
}

void require_sense(const Command& command, const RunOptions& run) {
  const vmm::GuestProcessConfig& guest = run.guest;
  if (run.format == Format::json && run.attachment != Attachment::detached) {
    throw OptionError("--json", "only 'run --detach' prints something of its own; add --detach");
  }
  if (run.input_port == vmm::ConsolePort::hvc0 && !guest.machine.devices.console) {
    throw OptionError("--port", "a guest has hvc0 with --virtio-console only");
  }
  const std::string last_name = fmt::format("{}-{}", guest.name, run.count);
  if (run.count > 1 && !guest.name.empty() && !vmm::is_guest_name(last_name)) {
    throw OptionError("--name", vmm::not_a_guest_name(last_name));
  }
  if (run.attachment == Attachment::foreground && run.count == 1 && run.console.empty()) return;
  for (const char* option : {"--port", "--escape"}) {
    if (!command.given(option)) continue;
    throw OptionError(option, "with --detach, --count or --console nothing is read from standard input");
  }
}

std::optional<vmm::RomConfig> parse_rom(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const std::optional<std::uint64_t> address = parse_address(text.substr(at + 1));
  if (!address || !is_page_aligned(*address)) return std::nullopt;
  return vmm::RomConfig{std::string(text.substr(0, at)), Gpa{*address}};
}

std::optional<Confine> parse_confine(std::string_view text) {
  if (text == "on") return Confine::on;
  if (text == "off") return Confine::off;
  return std::nullopt;
}

std::optional<vmm::EntryChoice> parse_entry(std::string_view text) {
  for (const auto& [name, entry] : entries) {
    if (text == name) return entry;
  }
  return std::nullopt;
}

std::optional<vmm::DomainChoice> parse_domain(std::string_view text) {
  using Kind = vmm::DomainChoice::Kind;
  if (text == "none") return vmm::DomainChoice{Kind::none, ""};
  if (text == "zero-only") return vmm::DomainChoice{Kind::zero_only, "default"};
  if (!dedup::may_be_chosen(text)) return std::nullopt;
  return vmm::DomainChoice{Kind::label, std::string(text)};
}

}  // namespace samepage::cli
