// SPDX-License-Identifier: Apache-2.0
// samepaged: the merging daemon. Options, socket, signals; everything else is in Server.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/exit_by_signal.hpp"
#include "base/log.hpp"
#include "base/parse_outcome.hpp"
#include "base/process_setup.hpp"
#include "base/runtime_dir.hpp"
#include "base/scheduling.hpp"
#include "base/standard_output.hpp"
#include "base/unique_fd.hpp"
#include "dedup/daemon/daemon_confinement.hpp"
#include "dedup/daemon/handed_socket.hpp"
#include "dedup/daemon/kept_knobs.hpp"
#include "dedup/daemon/kept_lines.hpp"
#include "dedup/daemon/lookout.hpp"
#include "dedup/daemon/option_values.hpp"
#include "dedup/daemon/options.hpp"
#include "dedup/daemon/own_home.hpp"
#include "dedup/daemon/peer_process.hpp"
#include "dedup/daemon/policy/policy_file.hpp"
#include "dedup/daemon/policy/policy_reload.hpp"
#include "dedup/daemon/server.hpp"
#include "dedup/knobs.hpp"
#include "dedup/listening_socket.hpp"
#include "dedup/metrics/metrics_server.hpp"

namespace {

using namespace samepage;
using namespace samepage::dedup;

// The process that started us waits on this descriptor: nothing comes when we are up, else what is wrong.
void report_ready(int fd, std::string_view problem) {
  if (fd < 0) return;
  if (!problem.empty() && ::write(fd, problem.data(), problem.size()) < 0) {
    complain("samepaged: nobody hears why it does not start");
  }
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

// The stores are files, and guests need them to grow.
void raise_file_size_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// So that the process that started us goes on: a child of nobody's, in a session of its own.
void go_to_background() {
  if (check(::fork(), "fork") > 0) ::_exit(0);
  ::setsid();
  ::umask(077);
  check(::chdir("/"), "chdir to /");  // it may outlive what is mounted where we are
}

// Added while another daemon ran. What can't be used now is no reason not to start.
std::vector<PagingSpec> kept_specs(const KeptLines& kept) {
  std::vector<PagingSpec> specs;
  for (const std::string& line : kept.read().lines) {
    try {
      specs.push_back(parse_paging_spec(line));
    } catch (const UserError& error) {
      log(LogLevel::warning, "{} is left out of {}: {}", line, kept.path(), error.what());
    }
  }
  return specs;
}

bool keep(const KeptLines& kept, const std::vector<PagingSpec>& files) {
  std::vector<std::string> lines;
  for (const PagingSpec& file : files) {
    if (file.path.find('\n') == std::string::npos) lines.push_back(text_of(file));  // a line each
  }
  return kept.keep(lines);
}

void serve(const Options& options, const Settings& defaults, std::optional<HandedSocket> handed,
           MetricsConfig metrics_config, std::vector<PagingSpec> paging_files) {
  boost::asio::io_context io(1);
  Server* served = nullptr;  // the daemon's thread alone looks at it
  // Before anybody can know that there is a daemon: who finds it may signal it at once. It is served later.
  boost::asio::signal_set signals(io);
  std::optional<PolicyReload> reload;
  if (!options.policy.empty()) {
    reload.emplace(io, options.policy, [&](Policy policy) { served->set_policy(std::move(policy)); });
  }
  for (const int signal : stop_signals()) {
    if (signal != SIGHUP || !reload) signals.add(signal);
  }
  signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
  std::optional<OwnHome> home;
  if (options.background) home.emplace();  // a daemon that is started otherwise stays where it was put
  std::string path;
  UniqueFd listening;
  std::optional<ListeningSocket> own;  // or the service manager's, which we leave alone
  if (handed) {
    require_fitting(*handed, options);
    path = handed->path;
    listening = std::move(handed->fd);
  } else {
    path = options.socket.empty() ? daemon_socket_path() : options.socket;
    own.emplace(path, options.everybody ? Admission::everybody : Admission::owner_only);
    listening = own->take();
  }
  const KeptKnobs kept(KeptKnobs::place(path));
  Settings knobs = defaults;
  const bool any_kept = kept.read_into(knobs);
  set_given(knobs, options.knobs);
  std::optional<MetricsServer> metrics;
  if (!metrics_config.addresses.empty()) {
    metrics.emplace(std::move(metrics_config),
                    [&](std::uint64_t daemon_bytes, MetricsServer::Deliver deliver) {
                      boost::asio::post(io, [&served, daemon_bytes, deliver = std::move(deliver)] {
                        if (served != nullptr) deliver(served->metrics(daemon_bytes));
                      });
                    });
  }
  // From here on another user than the guests': a guest's process cannot open a store of ours for writing.
  if (!options.user.empty()) become(options.user);
  ServerConfig config;
  config.knobs.current = knobs;
  // Read once more, as the user that we stay: so it can be read anew later.
  if (!options.policy.empty()) config.admission.policy = read_policy(options.policy);
  config.admission.user_memory = user_memory_of(options);
  config.admission.user_guests = user_guests_of(options);
  // Each guest that starts has two such connections for a moment, and hundreds may start at once.
  config.admission.user_pending = std::max(config.admission.user_pending, config.admission.user_guests);
  // Where only our own user is let in, the socket's mode is what tells that user from others.
  if (options.everybody) config.admission.unmapped_uid = unmapped_uid();
  config.knobs.defaults = defaults;
  if (any_kept) config.knobs.kept_in = kept.path();
  config.knobs.keep = [&](const Settings& now) {
    return kept.keep(now, defaults) ? kept.path() : std::string();
  };
  config.paging_files = std::move(paging_files);
  const KeptLines kept_files(KeptLines::place(path, "paging"));
  config.kept_paging_files = kept_specs(kept_files);
  config.keep_paging_files = [&](const std::vector<PagingSpec>& files) { return keep(kept_files, files); };
  if (options.exit_when_idle) config.exit_when_idle = std::chrono::seconds(3);
  if (metrics) config.metrics_places = [&] { return metrics->places(); };
  give_way(0);  // whoever wakes up beside it need not wait until it has done some milliseconds of work
  const DaemonConfinement confinement(io, options.confine);
  Server server(io, config);
  served = &server;
  if (metrics) metrics->start();
  server.listen(std::move(listening));
  std::optional<Lookout> lookout;
  if (own) lookout.emplace(io, *own, server);
  report_ready(options.ready_fd, "");
  log(LogLevel::info, "samepaged {} listens on {}", SAMEPAGE_VERSION, path);
  // What no handler has caught (no memory, say) costs its sender something, not everybody the daemon.
  for (bool over = false; !over;) {
    try {
      io.run();
      over = true;
    } catch (const std::exception& error) {
      log_error("something is left undone", error);
    }
  }
}

int run(int argc, char** argv) {
  CLI::App app;
  Options options;
  declare_options(app, options);
  try {
    app.parse(argc, argv);
    set_log_name("samepaged");
    std::optional<HandedSocket> handed = take_handed_socket();
    settle_runtime_paths();
    log_to_file_when_unheard();
    Settings knobs;
    set_given(knobs, options.knobs);
    if (!options.socket.empty()) options.socket = std::filesystem::absolute(options.socket);
    if (!options.policy.empty()) {
      options.policy = std::filesystem::absolute(options.policy);
      static_cast<void>(read_policy(options.policy));  // who starts us hears what is wrong
    }
    MetricsConfig metrics = metrics_of(options);
    std::vector<PagingSpec> paging_files;
    for (const std::string& text : options.paging_files) paging_files.push_back(parse_paging_spec(text));
    if (options.background) go_to_background();
    raise_file_size_limit();
    serve(options, knobs, std::move(handed), std::move(metrics), std::move(paging_files));
    return 0;
  } catch (const CLI::ParseError& error) {
    return tell_parse_outcome(app, error, 2);
  } catch (const std::exception& error) {
    report_ready(options.ready_fd, error.what());
    // Of one that a guest has started nobody would hear it.
    if (log_place().starts_with('/')) log_error("it can't run", error);
    throw;
  }
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process();
  try {
    return run(argc, argv);
  } catch (const ReaderGone&) {
    return exit_by_signal(SIGPIPE);
  } catch (const std::exception& error) {
    complain(fmt::format("samepaged: {}", error.what()));
    return 1;
  }
}
