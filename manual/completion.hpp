// SPDX-License-Identifier: Apache-2.0
// Completion for shells, made from what the parsers know. Guests and images are asked of `samepage` when
// somebody presses Tab. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "manage/cli/command_text.hpp"

namespace samepage::manual {

/// What can stand for an option's value or for a word.
struct Candidates {
  enum class Kind : std::uint8_t { nothing, file, guest, image, user, words };
  Kind kind = Kind::nothing;
  std::vector<std::string> words;

  friend bool operator==(const Candidates&, const Candidates&) = default;
};

/// From the way in which the help writes a value: "FILE[,ro|,rw]" is a file, "auto|linux64" two words.
[[nodiscard]] Candidates candidates(const cli::OptionText& option);

/// A script for bash, for one program. It needs nothing but bash.
[[nodiscard]] std::string bash_completion(const cli::CommandText& program);
/// The same for zsh: the file "_samepage" of a folder in fpath.
[[nodiscard]] std::string zsh_completion(const cli::CommandText& program);

}  // namespace samepage::manual
