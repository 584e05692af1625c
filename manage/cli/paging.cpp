// SPDX-License-Identifier: Apache-2.0
// `samepage paging`, `page-out` and `suspend`: the files that pages go out to, and pages that go.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/check.hpp"
#include "base/runtime_dir.hpp"
#include "base/units.hpp"
#include "dedup/daemon_client.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/guest_client.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/table.hpp"

namespace samepage::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds between_questions{20};

// The daemon may have been started elsewhere.
std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

struct PagingOptions {
  std::string added;    // PATH[,initial=SIZE][,max=SIZE]
  std::string removed;  // PATH
  Format format = Format::text;
};

int paging(const PagingOptions& options) {
  json request{{"do", "paging"}};
  if (!options.added.empty()) request["add"] = absolute(options.added);
  if (!options.removed.empty()) request["remove"] = absolute(options.removed);
  const std::optional<json> answer = dedup::ask_daemon(daemon_socket_path(), request);
  if (!answer)
    throw UserError("no daemon answers: it runs while guests that share do; start one with 'samepaged'");
  const json files = answer->value("files", json::array());
  if (options.format == Format::json) return print_json(files);
  if (files.empty()) {
    return print_text("There is no paging file; 'samepage paging --add PATH' adds one.\n");
  }
  Table table({{"PATH"},
               {"STATE"},
               {"SIZE", Align::right},
               {"MAX", Align::right},
               {"USED", Align::right},
               {"IN", Align::right},
               {"OUT", Align::right},
               {"ERRORS", Align::right}});
  std::string problems;
  for (const json& file : files) {
    const auto size = [&](const char* key) { return format_short_size(file.value(key, std::uint64_t{0})); };
    const std::string path = file.value("path", ""), problem = file.value("problem", "");
    table.add_row({path, file.value("state", ""), size("size_bytes"), size("max_bytes"), size("used_bytes"),
                   size("in_bytes"), size("written_bytes"),
                   std::to_string(file.value("errors", std::uint64_t{0}))});
    if (!problem.empty()) problems += fmt::format("{}: {}\n", path, problem);
  }
  return print_text(table.render() + problems);
}

struct PageOutOptions {
  std::string guest;
  std::uint64_t bytes = 0;  // 0: everything
  Format format = Format::text;
};

// Waits until it is done: a disk takes as long as it takes. Who does not wait any longer ends nothing.
int page_out(const PageOutOptions& options, const json& request) {
  // A guest answers one question a connection.
  const auto ask = [&](const json& question) {
    return ask_guest(connect_guest(options.guest), question).body;
  };
  json answer = ask(request);
  while (answer.value("under_way", false)) {
    std::this_thread::sleep_for(between_questions);
    answer = ask({{"do", "page-out-progress"}});
  }
  const auto bytes = answer.value("bytes", std::uint64_t{0});
  const auto swapped = answer.value("swapped_bytes", std::uint64_t{0});
  if (options.format == Format::json) {
    return print_json({{"name", options.guest}, {"bytes", bytes}, {"swapped_bytes", swapped}});
  }
  const std::string in_swap =
      swapped == 0 ? "" : fmt::format("; {} are in the host's swap", format_size(swapped));
  return print_text(
      fmt::format("{} of guest {} left memory{}\n", format_size(bytes), options.guest, in_swap));
}

int page_out_some(const PageOutOptions& options) {
  json request{{"do", "page-out"}};
  if (options.bytes != 0) request["bytes"] = options.bytes;
  return page_out(options, request);
}

int suspend(const PageOutOptions& options) {
  return page_out(options, {{"do", "suspend"}});
}

}  // namespace

void add_paging(const Command& program) {
  const Command files = program.add("paging", "Show the files that pages go out to; add or remove one");
  const auto options = std::make_shared<PagingOptions>();
  files.text({"--add", "FILE", "PATH[,initial=SIZE][,max=SIZE]: use this file too"}, options->added,
             check_file);
  files.text({"--remove", "PATH", "use this file no more: what is in it moves"}, options->removed,
             check_file);
  add_json(files, options->format);
  files.runs([options] { return paging(*options); });

  const Command out = program.add("page-out", "Have pages of a guest leave memory");
  const auto wanted = std::make_shared<PageOutOptions>();
  add_guest(out, wanted->guest);
  add_size(out, "SIZE", wanted->bytes, "how much, the coldest first (default: all)", Needed::no);
  add_json(out, wanted->format);
  out.runs([wanted] { return page_out_some(*wanted); });

  const Command whole = program.add("suspend", "Hold a guest until resume, with all its pages out of memory");
  const auto held = std::make_shared<PageOutOptions>();
  add_guest(whole, held->guest);
  add_json(whole, held->format);
  whole.runs([held] { return suspend(*held); });
}

}  // namespace samepage::cli
