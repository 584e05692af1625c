// SPDX-License-Identifier: Apache-2.0
// Manual pages of all commands, made from two things: what the parsers know of options, and the manual
// (docs/manual.md), whose tables "command | ..." have a row for each command and whose sections say which
// pages they belong to. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "manage/cli/command_text.hpp"

namespace samepage::manual {

struct Programs {
  cli::CommandText samepage;
  cli::CommandText samepaged;
};

struct Edition {
  std::string version;
  std::string date;  // "2026-01-31"
};

/// "samepage.1", "samepage-run.1", ..., "samepaged.8": their text. Throws UserError where the manual has no
/// text for a command, or names a page that there is not.
[[nodiscard]] std::map<std::string, std::string> man_pages(std::string_view manual, const Programs& programs,
                                                           const Edition& edition);

}  // namespace samepage::manual
