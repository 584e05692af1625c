// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/line_prefix.hpp"

namespace samepage::cli {

std::string LinePrefix::feed(std::string_view text) {
  std::string lines;
  for (const char c : text) {
    if (c != '\n') line_ += c;
    if (c != '\n' && line_.size() < longest_line) continue;
    lines += prefix_ + line_ + '\n';
    line_.clear();
  }
  return lines;
}

std::string LinePrefix::finish() {
  return line_.empty() ? std::string() : feed("\n");
}

}  // namespace samepage::cli
