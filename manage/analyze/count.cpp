// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/count.hpp"

#include <algorithm>

#include "base/growing_mapping.hpp"

namespace samepage::analyze {
namespace {

constexpr std::uint64_t words_between_pulses = std::uint64_t{1} << 20;

template <typename Action>
void for_each_word(std::span<const PageLog::Word> words, const std::function<void()>& pulse, Action action) {
  for (std::uint64_t at = 0; at < words.size(); ++at) {
    if (at % words_between_pulses == 0) pulse();
    action(words[at]);
  }
}

// Of one content.
struct Counted {
  std::uint32_t pages;      // that have it, in all files
  std::uint32_t frame;      // where it is shared
  std::uint32_t place;      // its first frame where dups are counted as well
  std::uint32_t last_file;  // that has been seen to have it, and one

  [[nodiscard]] bool shared() const { return pages > 1; }
  [[nodiscard]] std::uint32_t frames() const { return pages < dup_references ? 1 : dup_run; }
};

// Files in pairs. A square of numbers: few enough for as many files as a command takes.
class PairCounts {
 public:
  explicit PairCounts(std::size_t files) : files_(files), frames_(files * files), pages_(files * files) {}

  void add_contents(const std::vector<std::uint32_t>& having, std::uint64_t contents) {
    for (const std::uint32_t a : having) {
      for (const std::uint32_t b : having) {
        if (a < b) frames_[a * files_ + b] += contents;
      }
    }
  }
  // Pages of `file`, whose contents all of `having` have.
  void add_pages(std::uint32_t file, const std::vector<std::uint32_t>& having, std::uint64_t pages) {
    for (const std::uint32_t other : having) pages_[file * files_ + other] += pages;
  }
  [[nodiscard]] std::vector<PairFigures> pairs() const {
    std::vector<PairFigures> pairs;
    for (std::uint32_t a = 0; a < files_; ++a) {
      for (std::uint32_t b = a + 1; b < files_; ++b) {
        const std::uint64_t frames = frames_[a * files_ + b];
        if (frames != 0) pairs.push_back({a, b, frames, pages_[a * files_ + b], pages_[b * files_ + a]});
      }
    }
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const PairFigures& x, const PairFigures& y) { return x.frames > y.frames; });
    return pairs;
  }

 private:
  std::size_t files_;
  std::vector<std::uint64_t> frames_, pages_;
};

class Counter {
 public:
  Counter(const PageLog& log, const FileSets& sets, std::span<const FileSets::Set> set_of,
          const std::function<void()>& pulse)
      : log_(&log),
        sets_(&sets),
        set_of_(set_of),
        pulse_(&pulse),
        pairs_(log.files().size()),
        of_set_(sets.size()) {
    contents_.grow(set_of.size());
  }

  Figures count() {
    for_each_word(log_->words(), *pulse_, [&](PageLog::Word word) {
      if (word != PageLog::parting) ++contents_[PageLog::content_of(word)].pages;
    });
    number_frames();
    figures_.files.resize(log_->files().size());
    for (std::size_t file = 0; file < figures_.files.size(); ++file) {
      count_file(file);
      add_to_sums(figures_.files[file]);
    }
    figures_.pairs = pairs_.pairs();
    return std::move(figures_);
  }

 private:
  void number_frames() {
    std::uint32_t place = 0;
    for (std::uint64_t number = 0; number < set_of_.size(); ++number) {
      if (number % words_between_pulses == 0) (*pulse_)();
      Counted& content = contents_[number];
      if (!content.shared()) continue;
      content.frame = static_cast<std::uint32_t>(figures_.pages.frames++);
      content.place = place;
      place += content.frames();
      figures_.dup_frames += content.frames() - 1;
      const std::uint64_t copies = (content.pages + ksm_sharing - 1) / ksm_sharing;
      figures_.ksm_frames += copies;
      figures_.ksm_chains += copies > 1 ? 1 : 0;
      ++of_set_[set_of_[number]];
    }
    for (FileSets::Set set = 0; set < of_set_.size(); ++set) {
      if (of_set_[set] != 0) pairs_.add_contents(sets_->files_of(set), of_set_[set]);
    }
    std::fill(of_set_.begin(), of_set_.end(), 0);
  }

  void count_file(std::size_t index) {
    const PageLog::File& file = log_->files()[index];
    PageFigures& pages = figures_.files[index].pages;
    pages.pages = file.pages;
    pages.zero_pages = file.zero_pages;
    pages.hole_pages = file.hole_pages;
    RunCounter runs, mapped;
    std::uint64_t stretches = 0;  // without shared pages
    bool in_stretch = false;
    std::uint32_t turn = 0;
    const auto apart = [&] {
      runs.end();
      mapped.end();
      stretches += in_stretch ? 0 : 1;
      in_stretch = true;
    };
    for_each_word(log_->words_of(index), *pulse_, [&](PageLog::Word word) {
      turn = (turn + 1) % dup_run;
      if (word == PageLog::parting) return apart();
      const std::uint32_t number = PageLog::content_of(word);
      Counted& content = contents_[number];
      if (!content.shared()) {
        ++pages.unique_pages;
        return apart();
      }
      ++pages.shared_pages;
      in_stretch = false;
      runs.next(content.frame);
      mapped.next(content.place + turn % content.frames());
      if (content.last_file != index + 1) ++pages.frames;
      content.last_file = static_cast<std::uint32_t>(index + 1);
      if (of_set_[set_of_[number]]++ == 0) touched_.push_back(set_of_[number]);
    });
    runs.end();
    mapped.end();
    for (const FileSets::Set set : touched_) {
      pairs_.add_pages(static_cast<std::uint32_t>(index), sets_->files_of(set), of_set_[set]);
      of_set_[set] = 0;
    }
    touched_.clear();
    figures_.files[index].runs = runs.lengths();
    figures_.files[index].mapped_runs = mapped.lengths();
    figures_.files[index].mappings = mapped.lengths().runs() + stretches;
  }

  void add_to_sums(const FileFigures& file) {
    PageFigures& all = figures_.pages;
    all.pages += file.pages.pages;
    all.zero_pages += file.pages.zero_pages;
    all.hole_pages += file.pages.hole_pages;
    all.shared_pages += file.pages.shared_pages;
    all.unique_pages += file.pages.unique_pages;
    figures_.runs.add(file.runs);
  }

  const PageLog* log_;
  const FileSets* sets_;
  std::span<const FileSets::Set> set_of_;
  const std::function<void()>* pulse_;
  PairCounts pairs_;
  GrowingArray<Counted> contents_;
  std::vector<std::uint64_t> of_set_;  // contents of each set, then pages of a file
  std::vector<FileSets::Set> touched_;
  Figures figures_;
};

}  // namespace

Figures count_figures(const PageLog& log, const FileSets& sets, std::span<const FileSets::Set> set_of,
                      const std::function<void()>& pulse) {
  return Counter(log, sets, set_of, pulse).count();
}

}  // namespace samepage::analyze
