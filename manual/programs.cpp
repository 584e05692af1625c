// SPDX-License-Identifier: Apache-2.0
#include "manual/programs.hpp"

#include <CLI/CLI.hpp>

#include "dedup/daemon/options.hpp"

namespace samepage::manual {

Programs our_programs() {
  CLI::App daemon;
  dedup::Options options;
  dedup::declare_options(daemon, options);
  Programs programs{cli::command_texts(), cli::text_of(daemon)};
  programs.samepage.name = "samepage";
  return programs;
}

std::string with_option_tables(const std::string& manual, const Programs& programs) {
  cli::CommandText all = programs.samepage;
  all.commands.push_back(programs.samepaged);
  return cli::with_option_tables(manual, all);
}

}  // namespace samepage::manual
