// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "base/parse_outcome.hpp"
#include "manage/cli/command_text.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/known_words.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

constexpr const char* program_help =
    "Runs tiny KVM guests and keeps one copy of every page that they have in common.";
constexpr const char* exit_codes = R"(Exit codes:
  0        done; for run: the guest ended with code 0
  1        a failure of ours, of the host or of what was asked; one line on stderr says which; for run
           also: what the guest printed could not be written
  2        the command line makes no sense
  3        console: the guest has ended; 0: detached
  125      run: the guest failed (it did what no guest may do)
  128+N    run: the guest was stopped by signal N: 130 Ctrl-C, 143 SIGTERM or 'samepage stop',
           137 'samepage kill'
  141      nobody reads standard output any more; for run: so the guest was stopped
  other    run: the guest's own exit code. A code that is not the guest's own always comes with a line
           'samepage: ...' on stderr.

Environment:
  SAMEPAGE_RUNTIME_DIR  where the sockets are (else $XDG_RUNTIME_DIR/samepage, /run/samepage for root,
                        /tmp/samepage-UID)
  SAMEPAGE_SOCKET       the daemon's socket (else samepaged.sock in the runtime directory)
  SAMEPAGE_IMAGES       a directory with images, looked into before the ones that came with samepage
  SAMEPAGE_ANY_HOST     set: a Linux kernel is started even where the CPU shows neither VT-x nor AMD-V)";

void describe(CLI::App& app, const Command& program, const std::vector<std::string>& for_guest) {
  app.name("samepage");
  app.set_version_flag("--version", "samepage " SAMEPAGE_VERSION);
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  program.needs_command();
  program.footer(exit_codes);
  add_run(program, for_guest);
  add_ps(program);
  add_stat(program);
  add_top(program);
  add_inspection(program);
  add_fork(program);
  add_check(program);
  add_console(program);
  add_control(program);
  add_image(program);
  add_tune(program);
  add_paging(program);
  add_report(program);
  add_analyze(program);
  add_demo(program);
  add_libvirtd(program);
}

// The words before "--"; those behind it are the guest's.
std::vector<std::string> own_words(int argc, const char* const* argv, std::vector<std::string>& for_guest) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto border = std::find(words.begin(), words.end(), "--");
  if (border != words.end()) for_guest.assign(border + 1, words.end());
  words.erase(border, words.end());
  return words;
}

}  // namespace

CommandText command_texts() {
  CLI::App app(program_help);
  Command::Run chosen;
  Details details;
  describe(app, Command(app, chosen, details), {});
  return text_of(app, details);
}

int run_command_line(int argc, const char* const* argv) {
  CLI::App app(program_help);
  Command::Run chosen;
  Details details;
  std::vector<std::string> for_guest;
  const std::vector<std::string> words = own_words(argc, argv, for_guest);
  describe(app, Command(app, chosen, details), for_guest);
  try {
    require_known_words(app, words);
    // The parser wants them in reverse.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    if (!for_guest.empty() && !app.got_subcommand("run")) {
      throw CLI::ExtrasError("samepage", for_guest);
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      return tell_parse_outcome(app, error, exit_usage);
    }
    complain(fmt::format("samepage: {}\nTry '{} --help'.", error.what(), command_of(app, words)));
    return exit_usage;
  }
  return chosen();
}

}  // namespace samepage::cli
