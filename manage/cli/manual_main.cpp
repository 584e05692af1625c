// SPDX-License-Identifier: Apache-2.0
// samepage-manual FILE: writes fresh tables of options into the manual. For developers, not installed.
#include <fmt/format.h>

#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "manage/cli/command_text.hpp"

int main(int argc, char** argv) {
  using namespace samepage::cli;
  try {
    if (argc != 2) throw std::runtime_error("name the manual: samepage-manual docs/manual.md");
    std::ifstream file(argv[1]);
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    const std::string fresh = with_option_tables(manual, command_texts());
    std::ofstream out(argv[1]);
    out << fresh;
    out.flush();
    if (!file || !out) throw std::runtime_error(fmt::format("{} can't be read or written", argv[1]));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage-manual: {}\n", error.what());
    return 1;
  }
}
