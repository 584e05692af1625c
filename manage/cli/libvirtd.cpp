// SPDX-License-Identifier: Apache-2.0
// `samepage libvirtd`: lets virsh and other clients of libvirt list and steer this user's guests.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/process_setup.hpp"
#include "base/standard_output.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/output.hpp"
#include "manage/libvirt/definitions.hpp"
#include "manage/libvirt/listener.hpp"
#include "manage/libvirt/own_host.hpp"
#include "manage/libvirt/places.hpp"
#include "manage/libvirt/server.hpp"
#include "vmm/control/exit_code.hpp"

namespace samepage::cli {
namespace {

struct LibvirtdOptions {
  std::string socket;
  std::string as;
};

std::vector<libvirt::Place> places_of(const LibvirtdOptions& options) {
  if (!options.as.empty()) return libvirt::places_of(options.as);
  const std::string path = options.socket.empty() ? libvirt::own_socket_path()
                                                  : std::filesystem::absolute(options.socket).string();
  return {{path, libvirt::Access::writes}};
}

// What people type to reach it.
std::string uri_of(const LibvirtdOptions& options, const libvirt::Place& place) {
  return options.as.empty() ? fmt::format("samepage+unix:///system?socket={}", place.path) : options.as;
}

void tell_complaints(libvirt::Domains& domains) {
  for (const std::string& complaint : domains.take_complaints()) {
    log(LogLevel::warning, "{}", complaint);
  }
}

void start_autostarted(libvirt::Domains& domains) noexcept {
  try {
    domains.start_autostarted();
    tell_complaints(domains);
  } catch (const std::exception& error) {
    log_error("guests are not started", error);
  }
}

int libvirtd(const LibvirtdOptions& options) {
  set_log_name("samepage libvirtd");
  log_to_file_when_unheard();
  boost::asio::io_context io(1);
  const std::string directory = libvirt::Domains::default_directory();
  const UniqueFd alone = libvirt::lock_definitions(directory);
  libvirt::OwnHost host(directory);
  tell_complaints(host.domains());
  libvirt::Server server(io, host);
  const std::vector<libvirt::Place> places = places_of(options);
  std::vector<std::unique_ptr<libvirt::Listener>> listeners;
  for (const libvirt::Place& place : places) {
    listeners.push_back(std::make_unique<libvirt::Listener>(io, server, place));
  }
  boost::asio::signal_set signals(io);
  for (const int signal : stop_signals()) signals.add(signal);
  signals.async_wait([&io](boost::system::error_code, int) { io.stop(); });
  print_text(fmt::format("listens; try: virsh -c '{}' list --all\n", uri_of(options, places.front())));
  server.run_aside([&host] { start_autostarted(host.domains()); });
  // What no handler has caught (no memory, say) costs its client something, not everybody the server.
  for (bool over = false; !over;) {
    try {
      io.run();
      over = true;
    } catch (const std::exception& error) {
      log_error("something is left undone", error);
    }
  }
  signals.clear();  // calls that are under way are waited for; a second signal ends it at once
  return exit_ok;
}

}  // namespace

void add_libvirtd(const Command& program) {
  const Command command = program.add(
      "libvirtd", "Serve libvirt's protocol: virsh and other clients list and steer this user's guests");
  const auto options = std::make_shared<LibvirtdOptions>();
  command.text({"--socket", "PATH", "Listen here (default: libvirt-sock in the runtime directory)"},
               options->socket, check_file);
  command.text({"--as", "URI",
                "Listen where clients look for this one by themselves: qemu:///system or qemu:///session"},
               options->as);
  command.footer(
      "Runs until a signal ends it. Guests run on without it. Only this user and root may connect.\n"
      "docs/libvirt.md lists what clients can do.\n"
      "Exit codes: 0 ended by a signal, 1 it could not listen.");
  command.runs([options] { return libvirtd(*options); },
               [options] {
                 if (!options->socket.empty() && !options->as.empty()) {
                   throw OptionError("--as", "--as says where to listen; leave out --socket");
                 }
               });
}

}  // namespace samepage::cli
