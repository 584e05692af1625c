// SPDX-License-Identifier: Apache-2.0
// `samepage top`: what each guest saves and costs, live or as text for scripts.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/poll_timeout.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/top_live.hpp"
#include "manage/guests/sampler.hpp"
#include "manage/top/arrangement.hpp"
#include "manage/top/rows.hpp"
#include "manage/top/screen.hpp"
#include "manage/top/table_text.hpp"
#include "manage/top/view.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

enum class Output : std::uint8_t { live, text, csv, json };

struct TopOptions {
  top::Arrangement arrangement;
  milliseconds interval{1'000};
  bool once = false;
  bool csv = false;
  Format format = Format::text;

  [[nodiscard]] Output output() const {
    if (csv) return Output::csv;
    if (format == Format::json) return Output::json;
    return once ? Output::text : Output::live;
  }
};

std::optional<std::size_t> parse_column(const std::string& text) {
  const std::string wanted = text + "_bytes";
  for (std::size_t i = 0; i < top::columns().size(); ++i) {
    const std::string& key = top::columns()[i].key;
    if (key == text || key == wanted || key == text + "_per_s" || key == text + "_s") return i;
  }
  if (text == "hold") return top::column("hold_max_us");
  if (text == "held") return top::column("held_us_per_s");
  if (text == "cpu") return top::column("cpu_percent");
  return std::nullopt;
}

std::string clock_of(const guests::Snapshot& snapshot) {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(std::chrono::system_clock::to_time_t(snapshot.taken)));
}

// For scripts: sample after sample. Rates need two of them, so the first is not printed.
class Samples {
 public:
  explicit Samples(const TopOptions& options)
      : options_(options), view_(options.arrangement, options.interval) {}

  int print() {
    next();
    if (options_.output() == Output::csv) print_text(top::csv_head(), signals_);
    do {
      wait_for_interval();
      next();
      print_text(text(), signals_);
    } while (!options_.once);
    return exit_ok;
  }

 private:
  void next() {
    begun_ = Clock::now();
    std::optional<guests::Snapshot> sample = sampler_.sample(guests::snapshot_patience, signals_.fd());
    if (!sample) throw Interrupted{signals_.take()};
    const double seconds = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    view_.update(rows_.rows(*sample, seconds));
    const std::string clock = clock_of(*sample);
    scene_.update(std::move(*sample), seconds, clock);
  }

  void wait_for_interval() {
    pollfd wait{signals_.fd(), POLLIN, 0};
    const Clock::time_point end = begun_ + options_.interval;
    while (Clock::now() < end) {
      if (::poll(&wait, 1, poll_timeout(end)) > 0) throw Interrupted{signals_.take()};
    }
  }

  std::string text() {
    const double time = std::chrono::duration<double>(scene_.snapshot.taken.time_since_epoch()).count();
    if (options_.output() == Output::csv) return top::csv_lines(view_.shown(), time);
    if (options_.output() == Output::text) return top::page(scene_, view_);
    const nlohmann::json body = top::json_of(scene_.snapshot, view_.shown(), time);
    return options_.once ? json_text(body) : json_line(body);
  }

  const TopOptions& options_;
  vmm::StopSignals signals_;
  guests::Sampler sampler_;
  top::RowMaker rows_;
  top::Scene scene_;
  top::View view_;
  Clock::time_point begun_;
};

int top_command(const TopOptions& options) {
  if (options.output() != Output::live) return Samples(options).print();
  show_live(top::View(options.arrangement, options.interval));
  return exit_ok;
}

}  // namespace

void add_top(const Command& program) {
  const Command command = program.add("top", "Show live what each guest saves and costs; h lists the keys");
  const auto options = std::make_shared<TopOptions>();
  add_interval(command, "--interval", options->interval, "Time between two samples (default: 1)");
  command.parsed(
      {"--sort", "COLUMN", "Sort by saved (default), private, shared, breaks, hold, held, name, ..."},
      options->arrangement.sort, parse_column,
      "a column: saved, private, shared, zero, untouched, breaks, hold, cpu, name, domain, ...");
  command.text({"--filter", "TEXT", "Only guests whose name, image or domain contains it"},
               options->arrangement.filter);
  command.text({"--domain", "DOMAIN", "Only guests of this domain"}, options->arrangement.domain);
  command.flag("--once", "Print one sample as text and end", options->once);
  command.flag("--csv", "Print CSV, a line a guest and sample, until it is stopped or, with --once, once",
               options->csv);
  add_json(command, options->format, "Print JSON, a line a sample, in the same way");
  command.runs(
      [options] {
        options->arrangement.order = top::natural_order(options->arrangement.sort);
        return top_command(*options);
      },
      [options] {
        if (options->csv && options->format == Format::json)
          throw OptionError("--csv", "there is one output: take --csv or --json");
      });
}

}  // namespace samepage::cli
