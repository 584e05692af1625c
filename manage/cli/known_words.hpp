// SPDX-License-Identifier: Apache-2.0
// A look at the command line before the parser has it, for mistyped words: the parser only says that a
// command is missing, or that there is an argument too many.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace samepage::cli {

/// The command that the first of `words` name ("samepage image import"), as far as there is one.
std::string command_of(const CLI::App& app, const std::vector<std::string>& words);

/// Throws CLI::ParseError, with the likely word, when a command or an option of `words` does not exist.
void require_known_words(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace samepage::cli
