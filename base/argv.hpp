// SPDX-License-Identifier: Apache-2.0
// A command's words as execv(3) and posix_spawn(3) take them.
#pragma once

#include <string>
#include <vector>

namespace samepage {

/// Pointers into `words`, which must outlive them unchanged, and the null behind them. The calls only read
/// what they point to.
inline std::vector<char*> argv_of(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  // SAFETY: nobody writes through them; the calls' types are older than const.
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

}  // namespace samepage
