// SPDX-License-Identifier: Apache-2.0
// The program `samepage`. The only place that catches what commands throw.
#include <fmt/format.h>
#include <malloc.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include "base/check.hpp"
#include "base/error_text.hpp"
#include "base/json.hpp"
#include "base/process_setup.hpp"
#include "base/runtime_dir.hpp"
#include "base/standard_output.hpp"
#include "manage/cli/command_line.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/usage_error.hpp"
#include "vmm/control/exit_code.hpp"

namespace {

void say(std::string_view text) {
  samepage::complain(fmt::format("samepage: {}", text));
}

// The way out of an error that any call may meet.
std::string_view advice(const std::system_error& error) {
  if (error.code().value() == EMFILE) return "; allow this process more open files ('ulimit -n')";
  if (error.code().value() == ENFILE) return "; the host has too many files open: end something else";
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace samepage;
  prepare_process();
  // One heap for all threads: a guest's process has several and is to stay small.
  ::mallopt(M_ARENA_MAX, 1);
  try {
    settle_runtime_paths();
    return cli::run_command_line(argc, argv);
  } catch (const cli::Interrupted& interrupted) {
    say(fmt::format("stopped by signal {}", interrupted.signal));
    return exit_by_signal(interrupted.signal);
  } catch (const ReaderGone&) {
    return exit_by_signal(SIGPIPE);
  } catch (const cli::UsageError& error) {
    say(error.what());
    return exit_usage;
  } catch (const UserError& error) {
    say(error.what());
  } catch (const nlohmann::json::exception&) {
    // A key that is missing or of another type.
    say("what answered is not a samepage or samepaged of this version; end the guests and the daemon that "
        "another version has started, or set SAMEPAGE_RUNTIME_DIR to a directory for this one");
  } catch (const std::system_error& error) {
    say(fmt::format("{}{}", error_text(error), advice(error)));
  } catch (const std::bad_alloc& error) {
    say(error_text(error));
  } catch (const std::exception& error) {
    say(fmt::format("unexpected: {}", error.what()));
  }
  return exit_failure;
}
