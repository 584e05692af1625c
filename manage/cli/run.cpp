// SPDX-License-Identifier: Apache-2.0
// `samepage run`: one guest in this process, or several and detached ones in processes of their own.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>

#include <exception>

#include "base/check.hpp"
#include "base/error_text.hpp"
#include "base/standard_output.hpp"
#include "base/unique_fd.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/guest_child.hpp"
#include "manage/cli/images.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/run_together.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

vmm::GuestProcessConfig process_config(const RunOptions& options, int console) {
  vmm::GuestProcessConfig config;
  config.name = options.name;
  config.first_number = options.first_number;
  config.image = options.image;
  config.machine = {
      find_image(options.image), join(options.arguments), options.memory_bytes, options.cpus, options.roms,
      options.devices,           options.initrd,          options.entry};
  config.domain = options.domain;
  config.joins_later = options.joins_later;
  config.console = console;
  config.afterwards = options.afterwards;
  config.console_content = options.console_content;
  return config;
}

// A child of ours: whoever started it waits at the other end of ready_fd for a line.
int run_as_child(const RunOptions& options) {
  // It was started as /proc/self/exe, and the kernel calls it "exe".
  ::prctl(PR_SET_NAME, "samepage");
  UniqueFd ready(options.ready_fd);
  check(::fcntl(ready.get(), F_SETFD, FD_CLOEXEC), "fcntl of the ready descriptor");
  const auto report = [&ready](const std::string& text) {
    if (!ready) return;
    // When nobody reads it any more, a signal is on its way.
    if (::write(ready.get(), text.data(), text.size()) < 0) return;
    ready.reset();
  };
  try {
    return vmm::run_guest(process_config(options, STDOUT_FILENO),
                          [&](const vmm::RunningGuest& guest) { report(running_report(guest)); });
  } catch (const std::exception& error) {
    if (!ready) throw;
    report(failure_report(error_text(error)));
  }
  return exit_failure;
}

void print_warning(const std::string& warning) {
  if (!warning.empty()) complain(fmt::format("samepage: {}", warning));
}

int run_alone(const RunOptions& options) {
  ConsoleFile file = open_console(options, 0, nullptr);
  vmm::GuestProcessConfig config = process_config(options, file ? file.fd() : STDOUT_FILENO);
  if (!file) config.lost_reader = vmm::LostReader::ends_guest;
  if (!file) config.input = STDIN_FILENO;  // a console that is somewhere else is typed into from there
  config.escape = options.escape;
  config.input_port = options.input_port;
  if (file) config.console_content = vmm::ConsoleContent::emptied;
  return vmm::run_guest(config, [&file](const vmm::RunningGuest& guest) {
    file.keep();
    print_warning(guest.warning);
  });
}

}  // namespace

int run(const RunOptions& options) {
  if (options.ready_fd >= 0) return run_as_child(options);
  if (!options.name.empty()) vmm::require_guest_name(options.name);
  if (options.count == 1 && options.attachment == Attachment::foreground) return run_alone(options);
  find_image(options.image);  // before anything is started
  UniqueFd daemon;            // one for all of them, that stays until they have joined
  if (options.domain.kind != vmm::DomainChoice::Kind::none) daemon = vmm::find_daemon();
  return options.attachment == Attachment::detached ? run_detached(options) : run_attached(options);
}

}  // namespace samepage::cli
