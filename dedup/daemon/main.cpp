// SPDX-License-Identifier: Apache-2.0
// samepaged: the merging daemon. Options, socket, signals; everything else is in Server.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "dedup/daemon/listening_socket.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/knobs.hpp"

namespace {

using namespace samepage;
using namespace samepage::dedup;

struct Options {
  std::string socket;
  std::string user;
  bool everybody = false;
  bool exit_when_idle = false;
  int ready_fd = -1;
  std::vector<std::string> knobs;
};

// Whoever started us waits for a word on this descriptor: nothing when we are up, else what is wrong.
void report_ready(int fd, std::string_view problem) {
  if (fd < 0) return;
  if (!problem.empty() && ::write(fd, problem.data(), problem.size()) < 0) std::perror("samepaged: write");
  ::close(fd);
}

void become(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr)
    throw UserError(fmt::format("there is no user '{}'; name another one with --user", user));
  check(::setgroups(0, nullptr), "setgroups");
  check(::setgid(entry->pw_gid), "setgid");
  check(::setuid(entry->pw_uid), "setuid");
}

// A guest takes three descriptors. And a file of ours that may not grow is an error for a guest, not our end.
void raise_limits() {
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  for (const int resource : {RLIMIT_NOFILE, RLIMIT_FSIZE}) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  }
}

void serve(const Options& options, wire::Knobs knobs) {
  const std::string path = options.socket.empty() ? daemon_socket_path() : options.socket;
  ListeningSocket socket(path, options.everybody ? Admission::everybody : Admission::owner_only);
  // From here on another user than the guests': a guest's process cannot open a store of ours for writing.
  if (!options.user.empty()) become(options.user);
  boost::asio::io_context io(1);
  ServerConfig config;
  config.knobs = knobs;
  // Where only our own user is let in, the socket's mode is what tells him from others.
  if (options.everybody) config.unmapped_uid = unmapped_uid();
  if (options.exit_when_idle) config.exit_when_idle = std::chrono::seconds(3);
  Server server(io, config);
  server.listen(socket.take());
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
  report_ready(options.ready_fd, "");
  io.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"samepaged - merges identical pages of the guests that connect to it"};
  Options options;
  app.add_option("--socket", options.socket,
                 "listen here (default: $SAMEPAGE_SOCKET or samepaged.sock in the runtime directory)");
  app.add_option("--user", options.user, "become this user once the socket is made (root only)");
  app.add_flag("--allow-others", options.everybody,
               "let other users' guests in, each user's in domains of their own");
  app.add_flag("--exit-when-idle", options.exit_when_idle, "end 3 s after the last guest");
  app.add_option("--ready-fd", options.ready_fd,
                 "write what fails at the start to this descriptor, then close it")
      ->group("");
  std::vector<std::string> values(knob_descriptions().size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const KnobDescription& knob = knob_descriptions()[i];
    app.add_option(fmt::format("--{}", knob.name), values[i], fmt::format("{} ({})", knob.help, knob.unit));
  }
  app.set_version_flag("--version", std::string("samepaged ") + SAMEPAGE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    settle_runtime_paths();
    wire::Knobs knobs;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].empty()) set_knob(knobs, knob_descriptions()[i].name, values[i]);
    }
    raise_limits();
    serve(options, knobs);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "samepaged: {}\n", error.what());
    report_ready(options.ready_fd, error.what());
    return 1;
  }
}
