// SPDX-License-Identifier: Apache-2.0
// What `samepage run` is told: its options, each declared once, and the parsers of their notations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "manage/cli/command.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/guest_child.hpp"
#include "vmm/process/guest_process.hpp"

namespace samepage::cli {

struct RunOptions {
  vmm::GuestProcessConfig guest;  // what a guest's process is told
  unsigned count = 1;
  Attachment attachment = Attachment::foreground;
  std::string console;  // a file; empty: stdout, or nowhere when detached
  vmm::EscapeKey escape;
  vmm::ConsolePort input_port = vmm::ConsolePort::com1;
  Format format = Format::text;
  ChildPipes from_parent;   // of a child of ours
  vmm::SnapshotFiles from;  // what the guests go on from; none: they begin
};

/// Declares the options; `options` must outlive the parsing.
void add_run_options(const Command& command, RunOptions& options);
/// --count alone: how many guests one command starts. `help` begins what is said of it.
void add_count(const Command& command, unsigned& count, const std::string& help);
/// --confine and --jail.
void add_confine(const Command& command, Confine& confine);
/// Throws OptionError for options of `command` that make no sense together.
void require_sense(const Command& command, const RunOptions& options);

/// "FILE@ADDRESS", the address page-aligned and as parse_address() takes it; empty when it is not that.
std::optional<vmm::RomConfig> parse_rom(std::string_view text);
/// "auto", "linux64" or "compressed"; empty when it is none of them.
std::optional<vmm::EntryChoice> parse_entry(std::string_view text);
/// "on" or "off"; empty when it is neither.
std::optional<Confine> parse_confine(std::string_view text);
/// "none", "zero-only" or a label (same characters as a guest name); empty when it is none of them.
std::optional<vmm::DomainChoice> parse_domain(std::string_view text);

}  // namespace samepage::cli
