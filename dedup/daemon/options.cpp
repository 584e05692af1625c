// SPDX-License-Identifier: Apache-2.0
#include "dedup/daemon/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "dedup/knobs.hpp"

namespace samepage::dedup {

void declare_options(CLI::App& app, Options& options) {
  app.name("samepaged");
  app.description("samepaged - merges identical pages of the guests that connect to it");
  app.add_option("--socket", options.socket,
                 "listen here (default: $SAMEPAGE_SOCKET or samepaged.sock in the runtime directory)")
      ->type_name("PATH");
  app.add_option("--user", options.user, "become this user once the socket is made (root only)")
      ->type_name("USER");
  app.add_flag("--allow-others", options.everybody,
               "let other users' guests in, each user's in domains of their own");
  app.add_option(
         "--user-memory", options.user_memory,
         "SIZE that each user but root and the daemon's own may make it hold (default: a quarter of the "
         "host's memory)")
      ->type_name("SIZE");
  app.add_option("--user-guests", options.user_guests, "guests that each such user may have (default: 1024)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--policy", options.policy,
                 "FILE that says which domains each user may join, and how much they may have; SIGHUP reads "
                 "it anew")
      ->type_name("FILE");
  app.add_option(
         "--metrics", options.metrics,
         "serve metrics for Prometheus at ADDRESS:PORT or unix:PATH (default: $SAMEPAGE_METRICS); may be "
         "repeated")
      ->type_name("PLACE")
      ->allow_extra_args(false);
  app.add_flag("--metrics-public", options.metrics_public,
               "let --metrics take addresses that other hosts can reach");
  app.add_option(
         "--paging-file", options.paging_files,
         "PATH[,initial=SIZE][,max=SIZE]: let pages go out to this file; may be repeated, up to 16 times")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_flag("--exit-when-idle", options.exit_when_idle, "end 3 s after the last guest");
  app.add_flag("--background", options.background,
               "go on as a process of its own, in a control group of its own where that is allowed");
  app.add_option("--confine", options.confine,
                 "whether it gives up rights and system calls that it does not need (default: off)")
      ->type_name("on|off")
      ->transform(CLI::Transformer(std::map<std::string, Confine>{{"on", Confine::on}, {"off", Confine::off}})
                      .description(""));  // its own would have the values of the enumeration as characters
  app.add_option("--ready-fd", options.ready_fd,
                 "write what fails at the start to this descriptor, then close it")
      ->group("");
  options.knobs.resize(knob_descriptions().size());
  for (std::size_t i = 0; i < options.knobs.size(); ++i) {
    const KnobDescription& knob = knob_descriptions()[i];
    std::string& value = options.knobs[i];
    app.add_option(fmt::format("--{}", knob.name), value, fmt::format("{} ({})", knob.help, knob.unit))
        ->type_name(knob.unit == "on|off" ? "on|off" : "VALUE");
    if (knob.former_name.empty()) continue;
    app.add_option(fmt::format("--{}", knob.former_name), value)->group("");
  }
  app.set_version_flag("--version", std::string("samepaged ") + SAMEPAGE_VERSION);
}

}  // namespace samepage::dedup
