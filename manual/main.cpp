// SPDX-License-Identifier: Apache-2.0
// samepage-manual: writes what is made from the options of our programs. For developers and the build, not
// installed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/check.hpp"
#include "manage/cli/command_text.hpp"
#include "manual/completion.hpp"
#include "manual/man_pages.hpp"
#include "manual/programs.hpp"

namespace {

using namespace samepage;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw UserError(fmt::format("{} can't be read", path));
  return text;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.flush();
  if (!file) throw UserError(fmt::format("{} can't be written", path.string()));
}

int run(int argc, char** argv) {
  CLI::App app{"Writes fresh tables of options into the manual, or what is made from both"};
  std::string manual, pages, completions, date;
  app.add_option("MANUAL", manual, "The manual, docs/manual.md")->required();
  app.add_option("--man", pages, "Write manual pages into this folder")->type_name("FOLDER");
  app.add_option("--date", date, "The pages' date, such as 2026-01-31");
  app.add_option("--completions", completions, "Write completions for bash and zsh into this folder")
      ->type_name("FOLDER");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  const std::string text = contents(manual);
  const manual::Programs programs = manual::our_programs();
  if (pages.empty() && completions.empty()) write(manual, manual::with_option_tables(text, programs));
  if (!pages.empty()) {
    // A page of a command that is gone must not stay.
    std::filesystem::remove_all(pages);
    std::filesystem::create_directories(pages);
    for (const auto& [name, page] : manual::man_pages(text, programs, {SAMEPAGE_VERSION, date}))
      write(std::filesystem::path(pages) / name, page);
  }
  if (!completions.empty()) {
    std::filesystem::create_directories(completions);
    for (const cli::CommandText* program : {&programs.samepage, &programs.samepaged}) {
      write(std::filesystem::path(completions) / program->name, manual::bash_completion(*program));
      write(std::filesystem::path(completions) / ("_" + program->name), manual::zsh_completion(*program));
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage-manual: {}\n", error.what());
    return 1;
  }
}
