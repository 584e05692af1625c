// SPDX-License-Identifier: Apache-2.0
// Prints what the option parser (CLI11) has thrown: help goes to standard output, an error of the command
// line to standard error.
#pragma once

#include <sstream>
#include <string>

#include "base/standard_output.hpp"

namespace samepage {

/// Prints it. Returns 0 after help, `usage_error` after a complaint. Throws as print_out() does.
template <typename App, typename ParseError>
int tell_parse_outcome(const App& app, const ParseError& error, int usage_error) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = app.exit(error, out, err);
  print_out(out.str());
  if (std::string text = err.str(); !text.empty()) {
    if (text.back() == '\n') text.pop_back();
    complain(text);
  }
  return code == 0 ? 0 : usage_error;
}

}  // namespace samepage
