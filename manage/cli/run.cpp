// SPDX-License-Identifier: Apache-2.0
// `samepage run`: one guest in this process, or several and detached ones in processes of their own.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>

#include <exception>
#include <memory>

#include "base/check.hpp"
#include "base/error_text.hpp"
#include "base/standard_output.hpp"
#include "base/unique_fd.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/run.hpp"
#include "manage/cli/run_together.hpp"
#include "manage/guests/images.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

constexpr const char* run_footer = R"(What follows '--' is the guest's command line.

Standard input goes to the guest's console. A terminal is raw meanwhile (where standard output is one too): all keys are
the guest's, Ctrl-C as well, but for Ctrl-], which ends the guest. With --console, --count or --detach nothing is read.

Exit codes:
  0        the guest ended with code 0, a Linux kernel by powering off or rebooting; --detach: it runs
  1        the guest could not be started, or what it printed could not be written; one line on stderr says why
  2        the command line makes no sense
  125      the guest failed: it did what no guest may do, or its process made a system call that it may not make
  128+N    the guest was stopped by signal N: 130 Ctrl-C or Ctrl-], 143 SIGTERM or 'samepage stop', 137 'samepage kill'
  141      nobody reads standard output any more, so the guest was stopped
  other    the guest's own exit code. A code that is not the guest's own always comes with a line
           'samepage: ...' on stderr (except after SIGKILL). With --count: the first that is not 0.)";

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// A child of ours: whoever started it waits at the other end of the pipe for a line.
int run_as_child(const ChildPipes& from_parent) {
  // It was started as /proc/self/exe, and the kernel calls it "exe".
  ::prctl(PR_SET_NAME, "samepage");
  UniqueFd ready(from_parent.ready);
  check(::fcntl(ready.get(), F_SETFD, FD_CLOEXEC), "fcntl of the ready descriptor");
  const auto report = [&ready](const std::string& text) {
    if (!ready) return;
    // When nobody reads it any more, a signal is on its way.
    if (::write(ready.get(), text.data(), text.size()) < 0) return;
    ready.reset();
  };
  try {
    vmm::GuestStreams streams;
    streams.console = STDOUT_FILENO;
    const vmm::GuestProcessConfig config = config_from_parent(UniqueFd(from_parent.config));
    return vmm::run_guest(
        config, streams, [&](const vmm::RunningGuest& guest) { report(running_report(guest)); },
        snapshot_from_parent(from_parent));
  } catch (const std::exception& error) {
    if (!ready) throw;
    report(failure_report(error_text(error)));
  }
  return exit_failure;
}

void print_warning(const std::string& warning) {
  if (!warning.empty()) complain(fmt::format("samepage: {}", warning));
}

UniqueFd copy_of(const UniqueFd& fd) {
  return fd ? checked_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), "fcntl(F_DUPFD_CLOEXEC)") : UniqueFd{};
}

vmm::SnapshotFiles copy_of(const vmm::SnapshotFiles& files) {
  vmm::SnapshotFiles copy{copy_of(files.description), {}, {}};
  for (const UniqueFd& file : files.memory) copy.memory.push_back(copy_of(file));
  for (const UniqueFd& file : files.written) copy.written.push_back(copy_of(file));
  return copy;
}

int run_alone(const RunOptions& options) {
  ConsoleFile file = open_console(options, 0, nullptr);
  vmm::GuestProcessConfig guest = options.guest;
  vmm::GuestStreams streams;
  streams.console = file ? file.fd() : STDOUT_FILENO;
  if (!file) streams.lost_reader = vmm::LostReader::ends_guest;
  if (!file) streams.input = STDIN_FILENO;  // a console that is somewhere else is typed into from there
  streams.escape = options.escape;
  streams.input_port = options.input_port;
  if (file) guest.console_content = vmm::ConsoleContent::emptied;
  return vmm::run_guest(
      guest, streams,
      [&file](const vmm::RunningGuest& running) {
        file.keep();
        print_warning(running.warning);
      },
      copy_of(options.from));
}

int run(RunOptions& options) {
  vmm::GuestProcessConfig& guest = options.guest;
  guest.machine.image = guests::find_image(guest.image);  // before anything is started
  return run_guests(options);
}

}  // namespace

int run_guests(const RunOptions& options) {
  const vmm::GuestProcessConfig& guest = options.guest;
  if (!guest.name.empty()) vmm::require_guest_name(guest.name);
  if (options.count == 1 && options.attachment == Attachment::foreground) return run_alone(options);
  UniqueFd daemon;  // one for all of them, that stays until they have joined
  if (guest.domain.kind != vmm::DomainChoice::Kind::none) daemon = vmm::find_daemon();
  return options.attachment == Attachment::detached ? run_detached(options) : run_attached(options);
}

void add_run(const Command& program, const std::vector<std::string>& for_guest) {
  const Command command = program.add("run", "Run a guest and share its memory with others of its domain");
  const auto options = std::make_shared<RunOptions>();
  add_run_options(command, *options);
  command.footer(run_footer);
  command.runs(
      [options, &for_guest] {
        if (options->from_parent.ready >= 0) return run_as_child(options->from_parent);
        if (options->from_parent.config >= 0) {
          // Of a program of ours that wants to be no guest's parent.
          options->guest = config_from_parent(UniqueFd(options->from_parent.config));
        } else {
          options->guest.machine.command_line = joined(for_guest);
        }
        return run(*options);
      },
      [command, options] { require_sense(command, *options); });
}

}  // namespace samepage::cli
