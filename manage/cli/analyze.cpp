// SPDX-License-Identifier: Apache-2.0
// `samepage analyze`: what merging would save among the memory images of guests, whatever VMM wrote them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/process_memory.hpp"
#include "base/standard_output.hpp"
#include "base/types.hpp"
#include "base/units.hpp"
#include "dedup/mapping_limit.hpp"
#include "manage/analyze/analysis.hpp"
#include "manage/analyze/memory_image.hpp"
#include "manage/cli/analysis_report.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/common_options.hpp"
#include "manage/cli/interrupted.hpp"
#include "manage/cli/output.hpp"
#include "manage/cli/progress.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/stop_signals.hpp"

namespace samepage::cli {
namespace {

using analyze::MemoryImage;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_files = 1024;

struct AnalyzeOptions {
  std::vector<std::string> files;
  std::uint64_t memory = 0;  // 0: half of what is available
  unsigned pairs = 10;
  Format format = Format::text;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How far the reading is, now and then; and whether somebody wants it to end.
class Watch {
 public:
  Watch(const vmm::StopSignals& signals, std::uint64_t bytes_to_read)
      : signals_(&signals), bytes_to_read_(bytes_to_read) {}

  void pulse(std::uint64_t bytes) {
    read_ += bytes;
    since_look_ += bytes;
    if (bytes != 0 && since_look_ < bytes_between_looks) return;
    since_look_ = 0;
    if (const int signal = signals_->take(); signal != 0) throw Interrupted{signal};
    if (const auto now = Clock::now(); now >= next_) {
      next_ = now + std::chrono::milliseconds(200);
      show();
    }
  }
  [[nodiscard]] std::uint64_t bytes_read() const { return read_; }
  [[nodiscard]] double seconds() const { return seconds_since(start_); }

 private:
  static constexpr std::uint64_t bytes_between_looks = std::uint64_t{4} << 20;

  void show() {
    const double speed = static_cast<double>(read_) / seconds();
    std::string text = fmt::format("read {}", format_size(read_));
    if (bytes_to_read_ != 0 && read_ <= bytes_to_read_) {
      text += fmt::format(" of {} ({} %)", format_size(bytes_to_read_), 100 * read_ / bytes_to_read_);
    }
    text += fmt::format(", {:.1f} GB/s", speed / 1e9);
    if (bytes_to_read_ > read_ && read_ != 0) {
      text += fmt::format(", {} left", format_uptime(static_cast<double>(bytes_to_read_ - read_) / speed));
    }
    progress_.show(text, {read_, bytes_to_read_});
  }

  const vmm::StopSignals* signals_;
  std::uint64_t bytes_to_read_;  // 0: not known
  std::uint64_t read_ = 0, since_look_ = 0;
  Progress progress_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::seconds(1);  // short work needs no words
};

// All are looked at before the first is read: what is wrong shows at once.
std::vector<MemoryImage> open_images(const std::vector<std::string>& paths) {
  std::vector<MemoryImage> images;
  for (const std::string& path : paths) {
    MemoryImage image(path);
    const auto same = std::find_if(images.begin(), images.end(),
                                   [&](const MemoryImage& other) { return other.same_file(image); });
    if (same != images.end()) {
      throw UserError(same->path() == path
                          ? fmt::format("{} is given twice; name each file once", path)
                          : fmt::format("{} and {} are the same file; name it once", same->path(), path));
    }
    images.push_back(std::move(image));
  }
  return images;
}

// 0: not known, for a stream is among them.
std::uint64_t bytes_to_read(const std::vector<MemoryImage>& images) {
  std::uint64_t bytes = 0;
  for (const MemoryImage& image : images) {
    if (image.is_stream()) return 0;
    bytes += image.bytes_to_read();
  }
  return bytes;
}

std::uint64_t settled_memory(const AnalyzeOptions& options, std::uint64_t bytes_to_read) {
  constexpr std::uint64_t least = std::uint64_t{64} << 20;
  const std::uint64_t memory =
      options.memory != 0 ? options.memory : std::max(least, host_memory("MemAvailable") / 2);
  const std::uint64_t most = pages_in(bytes_to_read).value * analyze::most_bytes_a_page;
  if (most > memory) {
    complain(
        fmt::format("samepage: note: where the files have little in common, {} of memory are needed; {} "
                    "may be used (--memory)",
                    format_size(most), format_size(memory)));
  }
  return memory;
}

int analyze_files(const AnalyzeOptions& options) {
  const vmm::StopSignals signals;  // so that a signal leaves the terminal clean
  std::vector<MemoryImage> images = open_images(options.files);
  const std::uint64_t to_read = bytes_to_read(images);
  analyze::Analysis analysis(settled_memory(options, to_read));
  AnalysisReport report;
  {
    Watch watch(signals, to_read);
    for (MemoryImage& image : images) {
      analysis.begin_file();
      image.read(
          analysis, [&](std::uint64_t bytes) { watch.pulse(bytes); }, signals.fd());
      report.files.push_back(
          {image.path(), image.format(), image.left_out_bytes(), image.missing_bytes(), image.changed()});
    }
    report.figures = analysis.finish([&] { watch.pulse(0); });
    report.bytes_read = watch.bytes_read();
    report.seconds = watch.seconds();
  }
  report.mappings_for_merging = dedup::mappings_for_merging();
  report.costs = analyze::costs_of(report.figures, report.mappings_for_merging);
  for (const std::string& note : report.notes()) complain("samepage: note: " + note);
  return print_text(options.format == Format::json ? json_text(report.to_json()) : report.text(options.pairs),
                    signals);
}

void check_options(const AnalyzeOptions& options, const Command& command) {
  if (options.memory == 0 && command.given("--memory")) {
    throw OptionError("--memory", "without memory nothing can be analyzed");
  }
  if (options.files.size() > most_files) {
    throw OptionError("FILE", fmt::format("{} files are too many: at most {} can be analyzed together",
                                          options.files.size(), most_files));
  }
}

}  // namespace

void add_analyze(const Command& program) {
  const Command command =
      program.add("analyze", "Show what merging would save among memory images of any VMM's guests");
  const auto options = std::make_shared<AnalyzeOptions>();
  command.texts(
      {"FILE", "", "Raw memory (also sparse), an ELF core, a snapshot, or '-' for raw memory from a pipe"},
      options->files, check_file, Needed::yes);
  add_size(command, "--memory", options->memory,
           "Memory that the analysis may take (default: half of what is available)");
  command.number({"--pairs", "N", "Pairs of files to show: those with the most in common (default: 10)"},
                 options->pairs, 0, 1000000);
  add_json(command, options->format);
  command.details("--memory", "A page that was not seen before takes at most 35 bytes, any other 4.");
  command.runs([options] { return analyze_files(*options); },
               [options, command] { check_options(*options, command); });
}

}  // namespace samepage::cli
