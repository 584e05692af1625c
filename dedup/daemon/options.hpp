// SPDX-License-Identifier: Apache-2.0
// The options of samepaged. They are declared apart from what it does, so that its manual page is made from
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/confine.hpp"

namespace CLI {
class App;
}

namespace samepage::dedup {

struct Options {
  std::string socket;
  std::string user;
  bool everybody = false;
  bool exit_when_idle = false;
  bool background = false;
  Confine confine = default_confine;
  int ready_fd = -1;
  std::string user_memory;
  std::uint64_t user_guests = 1024;
  std::string policy;  // a path
  std::vector<std::string> metrics;
  std::vector<std::string> paging_files;
  bool metrics_public = false;
  std::vector<std::string> knobs;  // one for each of knob_descriptions(), empty where it was not given
};

/// `options` must outlive the parsing.
void declare_options(CLI::App& app, Options& options);

}  // namespace samepage::dedup
