// SPDX-License-Identifier: Apache-2.0
// `samepage report`: records while guests run, and makes a page of what was recorded.
#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "base/check.hpp"
#include "base/poll_timeout.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/progress.hpp"
#include "manage/cli/report_page.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/report/history.hpp"
#include "manage/report/page.hpp"
#include "manage/report/record.hpp"
#include "manage/report/record_file.hpp"
#include "manage/report/recorder.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

struct ReportOptions {
  std::vector<std::string> records;  // none: what runs now is recorded
  std::string record;                // where to
  std::string output;
  std::string analysis;
  milliseconds interval{1'000};
  milliseconds duration{0};  // 0: until a signal
  Format format = Format::text;
};

constexpr const char* default_output = "samepage-report.html";
// A guest that hangs delays one sample by this.
constexpr milliseconds sample_patience{1'000};

nlohmann::json read_analysis(const std::string& path) {
  if (path.empty()) return nullptr;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw UserError(fmt::format("cannot read the analysis {}", path));
  nlohmann::json analysis = nlohmann::json::parse(text.str(), nullptr, false);
  if (!analysis.is_object() || !analysis.contains("pages")) {
    throw UserError(fmt::format("{} is not what 'samepage analyze --json' prints", path));
  }
  return analysis;
}

// Until the time is over or a signal comes.
void record(const ReportOptions& options, const report::Recorder::Sink& sink) {
  const vmm::StopSignals signals;
  Progress progress;
  guests::Sampler sampler;
  report::Recorder recorder(sink, options.interval);
  const Clock::time_point begun = Clock::now();
  const std::optional<Clock::time_point> end =
      options.duration.count() > 0 ? std::optional(begun + options.duration) : std::nullopt;
  for (std::uint64_t samples = 1;; ++samples) {
    const Clock::time_point next = Clock::now() + options.interval;
    std::optional<guests::Snapshot> sample = sampler.sample(sample_patience, signals.fd());
    if (!sample) break;
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    progress.show(fmt::format("recording for {}: {} samples, {} guests, net saved {}; Ctrl-C ends it",
                              format_uptime(seconds), samples, sample->guests.size(),
                              format_signed_size(sample->host.value("net_saved_bytes", std::int64_t{0}))));
    recorder.record(std::move(*sample));
    pollfd stop{signals.fd(), POLLIN, 0};
    const Clock::time_point until = end ? std::min(*end, next) : next;
    while (Clock::now() < until && ::poll(&stop, 1, poll_timeout(until)) <= 0) {
    }
    if (signals.take() != 0 || (end && Clock::now() >= *end)) break;
  }
  recorder.finish();
}

int report_command(const ReportOptions& options) {
  report::PageSource source;
  source.analysis = read_analysis(options.analysis);
  report::History history;
  report::RecordReader reader(history);
  if (!options.records.empty()) {
    for (const std::string& path : options.records) report::read_record(path, reader);
  } else {
    const std::optional<report::RecordFile> file =
        options.record.empty() ? std::nullopt : std::make_optional<report::RecordFile>(options.record);
    record(options, [&](std::string_view line) {
      if (file) file->append(line);
      reader.read(line);
    });
  }
  if (history.moments().empty())
    throw UserError("there is no sample in the record, so there is nothing to report");
  source.history = &history;
  source.damaged_lines = reader.damaged();
  const bool wants_page =
      !options.output.empty() || (options.record.empty() && options.format == Format::text);
  std::string told;
  if (wants_page) told = write_report(source, options.output.empty() ? default_output : options.output);
  return options.format == Format::json ? print_json(report::page_json(source)) : print_text(told);
}

}  // namespace

void add_report(const Command& program) {
  const Command command = program.add(
      "report", "Record what merging saves and costs while guests run, and write it as one HTML page");
  const auto options = std::make_shared<ReportOptions>();
  command.texts({"RECORD", "", "Records to report; without any, what runs now is recorded until Ctrl-C"},
                options->records, check_file);
  command.text(
      {"-o,--output", "FILE", "The page (default: samepage-report.html; with --record or --json: none)"},
      options->output, check_file);
  command.text({"--record", "FILE", "Keep the record, or add to the one that is there"}, options->record,
               check_file);
  add_interval(command, "--interval", options->interval, "Time between two samples (default: 1)");
  add_interval(command, "--for", options->duration, "End recording after this long (default: at Ctrl-C)");
  command.text({"--analysis", "FILE", "Add what 'samepage analyze --json' has printed"}, options->analysis,
               check_file);
  add_json(command, options->format, "Print the figures of the page as JSON");
  command.runs([options] { return report_command(*options); },
               [options, command] {
                 if (options->records.empty()) return;
                 for (const char* live : {"--record", "--interval", "--for"}) {
                   if (command.given(live))
                     throw OptionError(live, "it is for recording; RECORD is recorded already");
                 }
               });
}

}  // namespace samepage::cli
