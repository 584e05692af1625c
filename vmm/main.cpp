// SPDX-License-Identifier: Apache-2.0
// The program `samepage`. The only place that catches what commands throw.
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "base/check.hpp"
#include "vmm/cli/command_line.hpp"
#include "vmm/cli/guest_child.hpp"
#include "vmm/exit_code.hpp"

namespace {

// A descriptor of ours must never get the number of a standard stream that the caller left closed.
void fill_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace samepage;
  fill_standard_streams();
  // One heap for all threads: a guest's process has several and is to stay small.
  ::mallopt(M_ARENA_MAX, 1);
  try {
    return cli::run_command_line(argc, argv);
  } catch (const cli::Interrupted& interrupted) {
    fmt::print(stderr, "samepage: stopped by signal {}\n", interrupted.signal);
    return exit_by_signal(interrupted.signal);
  } catch (const UserError& error) {
    fmt::print(stderr, "samepage: {}\n", error.what());
  } catch (const std::system_error& error) {
    fmt::print(stderr, "samepage: {}\n", error.what());
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepage: unexpected: {}\n", error.what());
  }
  return exit_failure;
}
