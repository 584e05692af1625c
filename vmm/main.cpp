// SPDX-License-Identifier: Apache-2.0
// The program `samepage`. The only place that catches what commands throw.
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "base/check.hpp"
#include "base/error_text.hpp"
#include "base/runtime_dir.hpp"
#include "vmm/cli/command_line.hpp"
#include "vmm/cli/interrupted.hpp"
#include "vmm/cli/usage_error.hpp"
#include "vmm/exit_code.hpp"

namespace {

// A descriptor of ours must never get the number of a standard stream that the caller left closed.
void fill_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) std::abort();
  }
}

// When stderr is gone too (its terminal was closed), the exit status has to do.
void complain(const std::string& text) {
  static_cast<void>(std::fputs(fmt::format("samepage: {}\n", text).c_str(), stderr));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace samepage;
  fill_standard_streams();
  // One heap for all threads: a guest's process has several and is to stay small.
  ::mallopt(M_ARENA_MAX, 1);
  try {
    settle_runtime_paths();
    return cli::run_command_line(argc, argv);
  } catch (const cli::Interrupted& interrupted) {
    complain(fmt::format("stopped by signal {}", interrupted.signal));
    return exit_by_signal(interrupted.signal);
  } catch (const cli::UsageError& error) {
    complain(error.what());
    return exit_usage;
  } catch (const UserError& error) {
    complain(error.what());
  } catch (const nlohmann::json::exception&) {
    // A key that is missing or of another type.
    complain(
        "what answered is not a samepage or samepaged of this version; end the guests and the daemon that "
        "another "
        "version has started, or set SAMEPAGE_RUNTIME_DIR to a directory for this one");
  } catch (const std::system_error& error) {
    complain(error_text(error));
  } catch (const std::bad_alloc& error) {
    complain(error_text(error));
  } catch (const std::exception& error) {
    complain(fmt::format("unexpected: {}", error.what()));
  }
  return exit_failure;
}
