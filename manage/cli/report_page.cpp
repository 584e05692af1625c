// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/report_page.hpp"

#include <fmt/format.h>

#include <span>

#include "base/units.hpp"
#include "manage/cli/output_file.hpp"

namespace samepage::cli {

std::string write_report(const report::PageSource& source, const std::string& path) {
  const std::string page = report::page_html(source);
  OutputFile output(path);
  output.write(std::as_bytes(std::span(page)));
  output.commit();
  return output.is_file() ? fmt::format("wrote {} ({})\n", path, format_size(page.size())) : "";
}

void require_writable(const std::string& path) {
  const OutputFile output(path);
}

}  // namespace samepage::cli
