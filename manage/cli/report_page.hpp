// SPDX-License-Identifier: Apache-2.0
// Writing a report's page to a file.
#pragma once

#include <string>

#include "manage/report/page.hpp"

namespace samepage::cli {

/// Writes the page to `path` ("-": standard output) and returns a line that says so, for people. Throws
/// UserError and Interrupted.
std::string write_report(const report::PageSource& source, const std::string& path);

/// Throws UserError where write_report() could not write to `path`.
void require_writable(const std::string& path);

}  // namespace samepage::cli
